/** The public types of the client. Everything that changes is a {@link Readable} of immutable snapshots. */

import type { Code } from './error.js';

/**
 * A value that changes. `get` gives the present snapshot, the same object until something in it changes;
 * `subscribe` tells of changes and returns the unsubscribe function. Made for React's useSyncExternalStore,
 * and as easy without a framework.
 */
export interface Readable<T> {
  readonly get: () => T;
  readonly subscribe: (listener: () => void) => () => void;
}

/**
 * How the page stands to the hub, in one word. `connecting`: no connection, the last values stay visible.
 * `catching-up`: connected, not all channels are up to date yet. `live`: what is shown is what is so.
 * `stale`: the hub itself cannot reach its log. The last three are final: `signed-out` (the login session ended),
 * `replaced` (another sign-in took its place), `ended` (closed by the page, or refused by the hub for good).
 */
export type Status = 'connecting' | 'catching-up' | 'live' | 'stale' | 'signed-out' | 'replaced' | 'ended';

/** Why a connection is over for good, in the hub's words. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

// ---- definitions: one object declares a thing and carries its types ----

export interface StoreDef<T> {
  readonly kind: 'store';
  readonly name: string;
  readonly live: boolean;
  /** Carries the type of the values; never there at run time. */
  readonly value?: T;
}

export interface LogDef<T> {
  readonly kind: 'log';
  readonly name: string;
  readonly data?: T;
}

export interface CommandDef<Args, Result> {
  readonly kind: 'command';
  readonly name: string;
  readonly args?: Args;
  readonly result?: Result;
}

/** A command without arguments is called without any. */
export type ArgsOf<Args> = undefined extends Args ? [args?: Args] : [args: Args];

// ---- stores ----

/** What is known about one key besides its value. */
export interface KeyState {
  /** Position of the last change the hub told of; 0 when the hub has no such key, and in live stores. */
  readonly position: number;
  /** Who changed it last, and when (RFC 3339); empty in live stores and for what is not saved yet. */
  readonly by: string;
  readonly at: string;
  /** A change made here is on its way: the value shown is the one wished for. */
  readonly saving: boolean;
  /** The last change made here was refused, and rolled back. Until the next write to the key, or dismiss(key). */
  readonly refused?: Refused;
}

export interface Refused {
  readonly code: Code;
  /** A sentence for a person: what is so, and what to do next. */
  readonly detail: string;
}

export interface StoreView<T> {
  /** False until the hub has sent the values. */
  readonly ready: boolean;
  readonly values: ReadonlyMap<string, T>;
  /** One per value, and one for a key without a value that is being deleted or was refused. */
  readonly keys: ReadonlyMap<string, KeyState>;
  /** The store cannot be had: there is none of that name, or it is not for this user. */
  readonly refused?: Refused;
}

export interface WriteOptions {
  /** Only if the key still has this position (KeyState.position); 0 = only if there is no such key. */
  readonly if?: number;
}

/** One change, all or nothing. */
export interface StoreWrite<T> {
  readonly set?: Readonly<Record<string, T>>;
  readonly delete?: readonly string[];
  readonly if?: Readonly<Record<string, number>>;
}

/**
 * The promises resolve when the hub has saved the change, and reject with a {@link BatonError} when it has refused;
 * a lost connection is neither: the change is sent again, and applied once. Nobody has to await them: the view shows
 * what is saving and what was refused, and a rejection that nobody handles is not an error of the page.
 */
export interface StoreActions<T> {
  readonly set: (key: string, value: T, options?: WriteOptions) => Promise<void>;
  readonly delete: (key: string, options?: WriteOptions) => Promise<void>;
  readonly write: (write: StoreWrite<T>) => Promise<void>;
  /** Forgets that a change of the key was refused. */
  readonly dismiss: (key: string) => void;
}

/** A store is joined while somebody is subscribed to it. */
export interface Store<T> extends Readable<StoreView<T>>, StoreActions<T> {}

// ---- logs ----

export interface LogMessage<T> {
  /** Position and n together name a message: n counts the messages of one position from 0. */
  readonly position: number;
  readonly n: number;
  /** RFC 3339. */
  readonly at: string;
  readonly by: string;
  readonly data: T;
}

export interface LogView<T> {
  readonly ready: boolean;
  /** Oldest first, as many as the hub keeps. */
  readonly messages: readonly LogMessage<T>[];
  /** Messages before these were missed and cannot be had any more. */
  readonly gap: boolean;
  /** The log cannot be had: there is none of that name, or it is not for this user. */
  readonly refused?: Refused;
}

export interface LogActions<T> {
  readonly append: (data: T) => Promise<void>;
}

/** A log is joined while somebody is subscribed to it. */
export interface Log<T> extends Readable<LogView<T>>, LogActions<T> {}

// ---- people and control ----

export interface You {
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly session: string;
  readonly proposal?: string;
}

export interface Member {
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly connections: number;
  readonly sessions: readonly string[];
}

export interface Operator {
  readonly session: string;
  readonly user: string;
  readonly name: string;
}

export interface ControlRequest {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly session: string;
  readonly message: string;
  readonly since: string;
}

export interface ControlView {
  /** Grows each time the operator changes. */
  readonly term: number;
  readonly operator: Operator | null;
  readonly since: string;
  /** The operator's link is lost: the seat becomes vacant at `until` (by performance.now()) unless they are back. */
  readonly lost: { readonly until: number } | null;
  /** The line of those who ask for control, the first in line first. */
  readonly requests: readonly ControlRequest[];
  /** This login session is the operator. */
  readonly mine: boolean;
}

export interface ControlActions {
  readonly request: (message?: string) => Promise<void>;
  /** Withdraws the own request. */
  readonly cancel: () => Promise<void>;
  readonly grant: (request: string) => Promise<void>;
  readonly deny: (request: string, reason?: string) => Promise<void>;
  /** Gives control to a login session (Member.sessions; the last is the one connected last). */
  readonly give: (session: string) => Promise<void>;
  readonly release: () => Promise<void>;
  readonly take: (reason?: string) => Promise<void>;
}

export interface Control extends Readable<ControlView>, ControlActions {}

// ---- commands ----

export type CallState = 'waiting' | 'taken' | 'done' | 'failed' | 'unknown';

export interface CallView<Result = unknown> {
  readonly call: string;
  readonly command: string;
  readonly args: unknown;
  readonly by: string;
  readonly term: number;
  readonly state: CallState;
  readonly progress?: unknown;
  readonly result?: Result;
  readonly error?: string;
}

/** A call that the hub has accepted. */
export interface Call<Result> extends Readable<CallView<Result>> {
  readonly id: string;
  /** Resolves with the result; rejects with a {@link BatonError} of code `failed` or `unknown`. */
  readonly finished: () => Promise<Result>;
}

// ---- the connection ----

export interface ChannelRules {
  readonly kind: 'store' | 'log' | 'signal';
  readonly scope?: string;
  readonly live?: boolean;
  readonly write?: readonly string[];
  readonly read?: readonly string[];
  readonly keep?: number;
}

export interface CommandRules {
  readonly call?: readonly string[];
  readonly serve?: readonly string[];
  readonly stop?: boolean;
}

/** What the hub said when the connection was made. */
export interface Welcome {
  readonly conn: string;
  readonly session: string;
  readonly space: string;
  readonly title: string;
  readonly epoch: string;
  readonly you: You;
  readonly channels: Readonly<Record<string, ChannelRules>>;
  readonly commands: Readonly<Record<string, CommandRules>>;
  readonly grace_ms: number;
  readonly limits: { readonly message: number; readonly unanswered: number; readonly joined: number };
  readonly version: string;
  readonly node: string;
}

export interface Baton {
  readonly status: Readable<Status>;
  /** Why it is over, once the status is final. */
  readonly ending: Readable<Ending | null>;
  readonly welcome: Readable<Welcome | null>;
  readonly you: Readable<You | null>;
  readonly presence: Readable<readonly Member[]>;
  readonly control: Control;
  /** The calls of this user, from all tabs and computers, the oldest first. */
  readonly calls: Readable<readonly CallView[]>;
  /** The same object for the same name, always. */
  readonly store: <T>(def: StoreDef<T>) => Store<T>;
  readonly log: <T>(def: LogDef<T>) => Log<T>;
  /** Resolves when the call is accepted; see {@link Call.finished} for its result. */
  readonly call: <Args, Result>(
    def: CommandDef<Args, Result>,
    ...args: ArgsOf<Args>
  ) => Promise<Call<Result>>;
  /** Ends the connection, its timers and what is unanswered. It cannot be opened again. */
  readonly close: () => void;
}
