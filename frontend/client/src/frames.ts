/** The frames of the protocol baton.v1 as this client reads and writes them: pure data, see hub/wire. */

import type { CallView, ControlRequest, Member, Operator, Welcome } from './api.js';
import type { Code, CurrentValue } from './error.js';

export interface ValueFrame {
  readonly value: unknown;
  readonly position?: number;
  readonly by?: string;
  readonly at?: string;
}

export interface MessageData {
  readonly position: number;
  readonly at: string;
  readonly by?: string;
  readonly data: unknown;
}

export interface ControlData {
  readonly term: number;
  readonly operator: Operator | null;
  readonly since: string;
  readonly lost: { readonly remaining_ms: number } | null;
  readonly requests: readonly ControlRequest[];
}

export interface WelcomeFrame extends Welcome {
  readonly type: 'welcome';
  readonly control: ControlData;
  readonly presence: readonly Member[];
  readonly calls: readonly CallView[];
}

export interface JoinedFrame {
  readonly type: 'joined';
  readonly id?: number;
  readonly channel: string;
  readonly cursor: string;
  readonly mode: 'snapshot' | 'delta';
  readonly values?: Readonly<Record<string, ValueFrame>>;
  readonly removed?: readonly string[];
  readonly messages?: readonly MessageData[];
  readonly gap?: boolean;
}

export interface ChangeFrame {
  readonly type: 'change';
  readonly channel: string;
  readonly position?: number;
  readonly cursor?: string;
  readonly at?: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly delete?: readonly string[];
  readonly by?: string;
  readonly op?: string;
}

export interface MessageFrame extends MessageData {
  readonly type: 'message';
  readonly channel: string;
  readonly cursor: string;
}

export interface ErrorFrame {
  readonly type: 'error';
  readonly id?: number;
  readonly code: Code;
  readonly detail: string;
  readonly current?: Readonly<Record<string, CurrentValue | null>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The answers to requests that change something. */
export type AnswerFrame =
  | { readonly type: 'written'; readonly id: number; readonly position: number }
  | { readonly type: 'appended'; readonly id: number; readonly position: number }
  | { readonly type: 'called'; readonly id: number; readonly call: string; readonly position?: number }
  | { readonly type: 'controlled'; readonly id: number; readonly term: number };

export type ServerFrame =
  | WelcomeFrame
  | JoinedFrame
  | ChangeFrame
  | MessageFrame
  | ErrorFrame
  | AnswerFrame
  | (CallView & { readonly type: 'call' })
  | (ControlData & { readonly type: 'control' })
  | { readonly type: 'presence'; readonly members: readonly Member[] }
  | { readonly type: 'pong'; readonly id: number; readonly cursor: string }
  | { readonly type: 'stale'; readonly since: string }
  | { readonly type: 'fresh' }
  | {
      readonly type: 'bye';
      readonly code: number;
      readonly reason: string;
      /** Milliseconds; 0 = the client's own back-off. */
      readonly reconnect_after: number;
    };

/** What a request says besides its id and its operation id. */
export type RequestBody =
  | {
      readonly type: 'write';
      readonly channel: string;
      readonly set?: Readonly<Record<string, unknown>>;
      readonly delete?: readonly string[];
      readonly if?: Readonly<Record<string, number>>;
      readonly term?: number;
    }
  | { readonly type: 'append'; readonly channel: string; readonly data: unknown; readonly term?: number }
  | { readonly type: 'call'; readonly command: string; readonly args?: unknown; readonly term?: number }
  | {
      readonly type: 'control';
      readonly do: 'request' | 'cancel' | 'grant' | 'deny' | 'give' | 'release' | 'take';
      readonly request?: string;
      readonly session?: string;
      readonly message?: string;
      readonly reason?: string;
    };

/**
 * Reads a message of the hub; null if it is none. Fields are trusted to be what the protocol says they are: the hub is
 * our own server. Types of frames that are not known are for the reader to ignore: the hub may be newer.
 */
export function parseMessage(text: unknown): readonly ServerFrame[] | null {
  if (typeof text !== 'string') return null;
  try {
    const frames: unknown = JSON.parse(text);
    return Array.isArray(frames) ? (frames as readonly ServerFrame[]) : null;
  } catch {
    return null;
  }
}
