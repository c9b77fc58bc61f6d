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

/** Why a connection is over for good, in the hub's words; empty if it was not there to say so. */
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
  /** How many messages of before are wanted. */
  readonly last?: number;
  readonly data?: T;
}

export interface SignalDef<T> {
  readonly kind: 'signal';
  readonly name: string;
  /** How long the latest of a sender is shown, in milliseconds. */
  readonly life: number;
  readonly data?: T;
}

export type ChannelDef = StoreDef<unknown> | LogDef<unknown> | SignalDef<unknown>;

export interface CommandDef<Args, Result> {
  readonly kind: 'command';
  readonly name: string;
  /** How long a call may take as a whole, in milliseconds. */
  readonly deadline?: number;
  readonly args?: Args;
  readonly result?: Result;
}

/** A command without arguments is called without any. */
export type ArgsOf<Args> = undefined extends Args ? [args?: Args] : [args: Args];

// ---- all kinds of channels ----

export interface Refused {
  readonly code: Code;
  /** A sentence for a person: what is so, and what to do next. */
  readonly detail: string;
  /** With code `schema`: where the value is wrong, such as /params/images. */
  readonly path?: string;
}

/** What the views of all kinds of channels have. */
export interface ChannelView {
  /** False until the hub has said what there is. */
  readonly ready: boolean;
  /**
   * Until then, what is shown is what this browser has kept (@baton/client/persist), from that time on, in milliseconds
   * since 1970. It may not be so any more.
   */
  readonly restored?: number;
  /**
   * Why the hub sent everything when it was joined last, instead of what had changed: `new`, nothing was here yet;
   * `epoch`, the hub's history is another; `trimmed`, what changed is too long ago to tell; `ahead`, this page has seen
   * more than the hub has.
   */
  readonly reason?: 'new' | 'epoch' | 'trimmed' | 'ahead';
  /** It cannot be had: there is none of that name, or it is not for this user. Of a signal also: it was not sent. */
  readonly refused?: Refused;
}

// ---- stores ----

/** What is known about one key besides its value. */
export interface KeyState {
  /**
   * Position of the last change the hub told of; 0 when the hub has no such key (a default), and in live stores. While
   * `saving`, it stays where it was: what is shown is made of that value, and may not be what there is by now.
   */
  readonly position: number;
  /** Who changed it last, and when (RFC 3339); empty in live stores and for what is not saved yet. */
  readonly by: string;
  readonly at: string;
  /** A change made here is on its way: the value shown is the one wished for. */
  readonly saving: boolean;
  /** The last change made here was refused, and rolled back. Until the next write to the key, or dismiss(key). */
  readonly refused?: Refused;
}

export interface StoreView<T> extends ChannelView {
  /** Those that the hub has, and the defaults of the others. */
  readonly values: ReadonlyMap<string, T>;
  /** One per value, and one for a key without a value that is being deleted or was refused. */
  readonly keys: ReadonlyMap<string, KeyState>;
}

/** A JSON Merge Patch (RFC 7396): null takes a member out, what is not an object replaces what was there. */
export type Patch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Member in keyof T]?: Patch<T[Member]> | null }
    : T;

export interface WriteOptions {
  /** Only if the key still has this position (KeyState.position); 0 = only if there is no such key. */
  readonly if?: number;
}

/** One change, all or nothing. */
export interface StoreWrite<T> {
  readonly set?: Readonly<Record<string, T>>;
  readonly delete?: readonly string[];
  readonly patch?: Readonly<Record<string, Patch<T>>>;
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
  /** Changes some members of a value, whatever the others are by then. */
  readonly patch: (key: string, patch: Patch<T>, options?: WriteOptions) => Promise<void>;
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

export interface LogView<T> extends ChannelView {
  /** Oldest first, as many as the hub keeps. */
  readonly messages: readonly LogMessage<T>[];
  /** Messages before these were missed and cannot be had any more. */
  readonly gap: boolean;
}

export interface LogActions<T> {
  readonly append: (data: T) => Promise<void>;
}

/** A log is joined while somebody is subscribed to it. */
export interface Log<T> extends Readable<LogView<T>>, LogActions<T> {}

// ---- signals ----

export interface SignalMessage<T> {
  /** The user who sends. */
  readonly by: string;
  readonly data: T;
}

export interface SignalView<T> extends ChannelView {
  /** The latest of each page or program that sends, by its name; this page's own is not among them. */
  readonly latest: ReadonlyMap<string, SignalMessage<T>>;
}

export interface SignalActions<T> {
  /** Sends the newest, as often as animations are drawn; it may get lost. Without a connection nothing is sent. */
  readonly send: (data: T) => void;
}

/** A signal is joined while somebody is subscribed to it. */
export interface Signal<T> extends Readable<SignalView<T>>, SignalActions<T> {}

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

export interface TakeOptions {
  readonly reason?: string;
  readonly force?: boolean;
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
  /**
   * Takes control from whoever has it. Rejects with code `busy` while the instrument runs, if the space says so: staff
   * may then `force` it, with a reason, and with a password that was given lately (code `confirm`).
   */
  readonly take: (options?: TakeOptions) => Promise<void>;
}

export interface Control extends Readable<ControlView>, ControlActions {}

// ---- commands ----

export type CallState = 'waiting' | 'taken' | 'done' | 'failed' | 'cancelled' | 'unknown';

export interface CallView<Result = unknown> {
  readonly call: string;
  readonly command: string;
  readonly args: unknown;
  readonly by: string;
  readonly term: number;
  readonly state: CallState;
  /** Its service has been asked to give it up. */
  readonly cancelling?: boolean;
  /** When it has to be done, by performance.now(). */
  readonly until?: number;
  readonly progress?: unknown;
  readonly result?: Result;
  readonly error?: string;
}

/** A call that the hub has accepted. */
export interface Call<Result> extends Readable<CallView<Result>> {
  readonly id: string;
  /** Resolves with the result; rejects with a {@link BatonError} of code `failed`, `cancelled` or `unknown`. */
  readonly finished: () => Promise<Result>;
  /** Asks for it to be given up. Resolves when that is asked for; how it ends is told by `finished`. */
  readonly cancel: () => Promise<void>;
}

// ---- several changes in one ----

/** What a transaction is made of. It is filled before `transact` returns; nothing can be added later. */
export interface Transaction {
  readonly write: <T>(def: StoreDef<T>, write: StoreWrite<T>) => void;
  readonly append: <T>(def: LogDef<T>, data: T) => void;
  /** Resolves when the transaction is saved. */
  readonly call: <Args, Result>(
    def: CommandDef<Args, Result>,
    ...args: ArgsOf<Args>
  ) => Promise<Call<Result>>;
}

// ---- the connection ----

export interface ChannelRules {
  readonly kind: 'store' | 'log' | 'signal';
  readonly scope?: 'space' | 'group' | 'user';
  readonly live?: boolean;
  readonly write?: readonly string[];
  readonly read?: readonly string[];
  readonly read_all?: readonly string[];
  readonly keep?: number;
  readonly keep_ms?: number;
  readonly default?: Readonly<Record<string, unknown>>;
  /** JSON Schema 2020-12 of each value or message. */
  readonly schema?: unknown;
}

export interface CommandRules {
  readonly call?: readonly string[];
  readonly serve?: readonly string[];
  readonly stop?: boolean;
  readonly args?: unknown;
  readonly progress?: unknown;
  readonly result?: unknown;
  readonly deadline_ms?: number;
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
  readonly limits: {
    readonly message: number;
    readonly unanswered: number;
    readonly joined: number;
    /** Messages a second, messages at once, and signals a second on one channel. */
    readonly rate?: number;
    readonly burst?: number;
    readonly signals?: number;
  };
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
  /**
   * The login session ends at `until` (by performance.now()) for want of deliberate input; `active` of
   * @baton/client/session tells the hub of some. null: it does not.
   */
  readonly idle: Readable<{ readonly until: number } | null>;
  readonly control: Control;
  /** The calls of this user, from all tabs and computers, the oldest first. */
  readonly calls: Readable<readonly CallView[]>;
  /** The same object for the same name, always. */
  readonly store: <T>(def: StoreDef<T>) => Store<T>;
  readonly log: <T>(def: LogDef<T>) => Log<T>;
  readonly signal: <T>(def: SignalDef<T>) => Signal<T>;
  /** Resolves when the call is accepted; see {@link Call.finished} for its result. */
  readonly call: <Args, Result>(
    def: CommandDef<Args, Result>,
    ...args: ArgsOf<Args>
  ) => Promise<Call<Result>>;
  /** Asks for a call of {@link calls} to be given up. */
  readonly cancel: (call: string) => Promise<void>;
  /**
   * Several changes of this space in one: all of it happens, and everybody sees it as one change, or nothing does. It
   * shows at once, and is rolled back as a whole if it is refused; the error's `more.part` names the part.
   */
  readonly transact: (fill: (transaction: Transaction) => void) => Promise<void>;
  /** Ends the connection, its timers and what is unanswered. It cannot be opened again. */
  readonly close: () => void;
}
