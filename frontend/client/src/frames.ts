/** The frames of the protocol baton.v1 as this client reads and writes them: pure data, see hub/wire. */

import type { CallView, ChannelView, ControlRequest, Member, Operator, Welcome } from './api.js';
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

/** What a change does to the keys of a store. */
export interface KeysFrame {
  readonly set?: Readonly<Record<string, unknown>>;
  /** JSON Merge Patches of the values that are there. */
  readonly patch?: Readonly<Record<string, unknown>>;
  readonly delete?: readonly string[];
}

/** How a call stands. */
export interface CallData extends Omit<CallView, 'until'> {
  /** What is left of the time it may take, as of this frame, in milliseconds. */
  readonly deadline_ms?: number;
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
  readonly calls: readonly CallData[];
}

export interface JoinedFrame {
  readonly type: 'joined';
  readonly id?: number;
  readonly channel: string;
  readonly cursor: string;
  readonly mode: 'snapshot' | 'delta';
  readonly reason?: NonNullable<ChannelView['reason']>;
  readonly defaults?: Readonly<Record<string, unknown>>;
  readonly values?: Readonly<Record<string, ValueFrame>>;
  readonly removed?: readonly string[];
  readonly messages?: readonly MessageData[];
  readonly gap?: boolean;
}

export interface ChangeFrame extends KeysFrame {
  readonly type: 'change';
  readonly channel: string;
  readonly position?: number;
  readonly cursor?: string;
  readonly at?: string;
  readonly by?: string;
  readonly op?: string;
}

export interface MessageFrame extends MessageData {
  readonly type: 'message';
  readonly channel: string;
  readonly cursor: string;
}

export interface SignalFrame {
  readonly type: 'signal';
  readonly channel: string;
  /** Names the client that sent it: always the same, and not its id. */
  readonly from: string;
  readonly by: string;
  readonly data: unknown;
  /** It is not stored, so it is nowhere. */
  readonly cursor?: never;
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
export interface AnswerFrame {
  readonly type: 'written' | 'appended' | 'called' | 'controlled';
  readonly id: number;
  /** The call that was made, and those of a transaction. */
  readonly call?: string;
  readonly calls?: readonly string[];
}

export type ServerFrame =
  | WelcomeFrame
  | JoinedFrame
  | ChangeFrame
  | MessageFrame
  | SignalFrame
  | ErrorFrame
  | AnswerFrame
  | (CallData & { readonly type: 'call'; readonly cursor?: string })
  | (ControlData & { readonly type: 'control' })
  | { readonly type: 'presence'; readonly members: readonly Member[] }
  | { readonly type: 'idle'; readonly remaining_ms?: number }
  | { readonly type: 'pong'; readonly id: number; readonly cursor: string }
  | { readonly type: 'stale'; readonly since: string }
  | { readonly type: 'fresh' }
  /** The node is leaving: the next connection is to be made now, and takes over from this one. */
  | { readonly type: 'leaving'; readonly within_ms: number }
  | {
      readonly type: 'bye';
      readonly code: number;
      readonly reason: string;
      /** Milliseconds; 0 = the client's own back-off. */
      readonly reconnect_after: number;
    };

/** One change of a store in a request. */
export interface WriteBody extends KeysFrame {
  readonly channel: string;
  readonly if?: Readonly<Record<string, number>>;
}

export interface AppendBody {
  readonly channel: string;
  readonly data: unknown;
}

export interface CallBody {
  readonly command: string;
  readonly args?: unknown;
  readonly deadline_ms?: number | undefined;
}

/** What a request says besides its id and its operation id. */
export type RequestBody =
  | ((
      | ({ readonly type: 'write' } & WriteBody)
      | ({ readonly type: 'append' } & AppendBody)
      | ({ readonly type: 'call' } & CallBody)
      | {
          readonly type: 'transact';
          readonly writes: readonly WriteBody[];
          readonly appends: readonly AppendBody[];
          readonly calls: readonly CallBody[];
        }
    ) & { readonly term?: number })
  | { readonly type: 'cancel'; readonly call: string }
  | {
      readonly type: 'control';
      readonly do: 'request' | 'cancel' | 'grant' | 'deny' | 'give' | 'release' | 'take';
      readonly request?: string;
      readonly session?: string;
      readonly message?: string;
      readonly reason?: string;
      readonly force?: boolean;
    };

/**
 * Reads a message of the hub; nothing if it is none. Fields are trusted to be what the protocol says they are: the hub is
 * our own server. Types of frames that are not known are for the reader to ignore: the hub may be newer.
 */
export function parseMessage(text: unknown): readonly ServerFrame[] {
  try {
    const frames: unknown = JSON.parse(text as string); // what is no text is no JSON either
    return Array.isArray(frames) ? frames : [];
  } catch {
    return [];
  }
}
