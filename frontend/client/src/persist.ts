/**
 * `@baton/client/persist`: what a page keeps in the browser. Only those who import it load it.
 *
 * - **The picture**: stores and logs as the hub has told them, shown by the next page load before the network answers, and
 *   marked as `restored` until the hub has. It is of one user, proposal, space and epoch; it is removed when the login
 *   session ends, and when somebody else is here. Live stores and signals are not in it, nor who is in control; only, for
 *   what the operator changes meanwhile, the term under which this login session was.
 * - **The queue**: changes that the hub has not answered; see queue.ts.
 */

import type { ChannelDef, Readable, Refused, Welcome } from './api.js';
import type { Channel } from './channel.js';
import type { ConnectOptions } from './connect.js';
import type { Connection } from './connection.js';
import type { ValueFrame } from './frames.js';
import { LogState } from './log.js';
import { Queue, type RefusedChange, type WaitingChange } from './queue.js';
import { factory, type KeptChannel, Shelf, type Whose } from './shelf.js';
import { StoreState } from './store.js';

export type { RefusedChange, WaitingChange } from './queue.js';

/** Who was here last, and what the hub said then. Its `conn` is empty, which no connection's is. */
export interface Recalled {
  readonly welcome: Welcome;
  /** When it was so, in milliseconds since 1970. */
  readonly at: number;
  /**
   * This login session was in control. It may not be any more, so it is nothing to show as if it were so. But what the
   * operator changes until the hub answers carries the term of then, and the hub refuses it if that is over.
   */
  readonly mine: boolean;
}

export interface PersistOptions {
  /** Where the hub is, as for `connect`. */
  readonly url?: string;
  /**
   * Who is signed in, of a page that knows it: nothing of anybody else is shown then. Default: what is kept is shown until
   * the hub says that it is not of who is here.
   */
  readonly who?: { readonly user: string; readonly space: string };
  /** What is kept of a value, for those that have a part which lives; default: all of it. */
  readonly part?: (channel: string, value: unknown) => unknown;
}

export interface Persistence {
  /** For `connect({ add })`, once. */
  readonly add: NonNullable<ConnectOptions['add']>;
  /** What the browser has of the last page, to show that before the hub has said anything; nothing after half a day. */
  readonly recall: () => Promise<Recalled | undefined>;
  /** How many changes wait for the hub's answer: of this page, and of those that are gone. */
  readonly waiting: Readable<number>;
  /** The same, each of them, the oldest first. */
  readonly changes: Readable<readonly WaitingChange[]>;
  /**
   * Why the browser keeps nothing now, with code `storage`: it has no place left, or lets this page keep none. Changes are
   * sent all the same; those that it does not have (WaitingChange.kept) are gone with the page. null: it does.
   */
  readonly trouble: Readable<Refused | null>;
  /** What was refused of the changes of pages that are gone. Of its own, a page hears itself. */
  readonly refused: Readable<readonly RefusedChange[]>;
  /** Forgets what was refused. */
  readonly dismiss: () => void;
  /** Removes all that is kept, changes too, or only the picture. For a sign-out, before the page is left. */
  readonly forget: (what?: 'picture') => Promise<void>;
}

/** How often is looked for what has changed, and for what other pages have left. */
const every = 2_000;
/** How often is noted that a page is still there of which nothing changes. */
const again = 600_000;
/** Of a log so many of the newest messages are kept. */
const lastMessages = 200;
/** An older picture says nothing of today. */
const oldest = 12 * 3_600_000;
/** Under which name the welcome is kept; no channel has it. */
const ofAll = '';

/** Keeps what a page has in the browser: `const kept = persist(); connect({ add: kept.add })`. */
export function persist(options: PersistOptions = {}): Persistence {
  const shelf = new Shelf(`baton ${options.url ?? globalThis.location?.origin ?? ''}`);
  const followers = new Set<() => void>();
  let keeper: Keeper | undefined;
  const followed = <T>(get: () => T): Readable<T> => ({
    get,
    subscribe: (listener) => {
      const follower = () => listener();
      followers.add(follower);
      return () => followers.delete(follower);
    },
  });
  const through = <T>(none: T, read: (queue: Queue) => T) =>
    followed(() => (keeper ? read(keeper.queue) : none));
  const tell = () => {
    for (const follower of [...followers]) follower();
  };
  shelf.changed = tell;
  return {
    add: (connection) => {
      keeper = new Keeper(connection, shelf, options);
      keeper.queue.waiting.subscribe(tell);
      keeper.queue.refused.subscribe(tell);
    },
    recall: async () => {
      const kept = (await shelf.all('channels')).find(({ name }) => name === ofAll);
      if (!keeper) shelf.close();
      return kept?.welcome && young(kept) ? recalled(kept.welcome, kept) : undefined;
    },
    waiting: through(0, (queue) => queue.count),
    changes: through<readonly WaitingChange[]>([], ({ waiting }) => waiting.get()),
    refused: through<readonly RefusedChange[]>([], ({ refused }) => refused.get()),
    trouble: followed(() => shelf.trouble),
    dismiss: () => keeper?.queue.dismiss(),
    forget: async (what) => {
      keeper?.forget();
      await Promise.all([shelf.clear('channels'), what ?? shelf.clear('changes')]);
      if (!keeper) shelf.close();
    },
  };
}

class Keeper {
  readonly queue: Queue;
  #connection: Connection;
  #shelf: Shelf;
  #who: Whose | undefined;
  #part: PersistOptions['part'];
  #found = new Map<string, KeptChannel>();
  #opened = new Map<string, Channel>();
  #written = new Map<string, unknown>(); // the views that are kept, and the welcome
  #drove = 0; // the term that is kept with the welcome
  #toldAt = 0; // when they were written last
  #state: 'on' | 'off' = 'on';
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(connection: Connection, shelf: Shelf, { url, who, part }: PersistOptions) {
    const origin = globalThis.location?.origin;
    this.#connection = connection;
    this.#shelf = shelf;
    this.#who = who;
    this.#part = part;
    // The cookie, of which a browser has one, is sent to where the page came from only; elsewhere there are tickets.
    const signedIn = (url ?? origin) === origin ? 'alone' : 'with others';
    this.queue = new Queue(connection, shelf, () => this.#whose(), signedIn);
    if (!factory()) return;
    const { channels } = connection;
    const open = channels.open.bind(channels) as typeof channels.open;
    channels.open = (def, kind) => {
      const channel = open(def, kind);
      if (!this.#opened.has(def.name)) {
        this.#opened.set(def.name, channel as unknown as Channel);
        this.#restore(channel as unknown as Channel);
      }
      return channel;
    };
    void shelf.all('channels').then((found) => this.#read(found));
    void this.queue.show();
    connection.welcome.subscribe(this.#welcomed);
    connection.status.subscribe(this.#look);
    connection.control.subscribe(this.#write); // at once: the page may be without the hub the next moment
    this.#timer = setInterval(this.#tick, every);
    globalThis.addEventListener?.('pagehide', this.#write);
  }

  /** From now on nothing is kept. */
  forget(): void {
    this.#state = 'off';
    this.#found.clear();
  }

  // ---- the picture ----

  #read(found: readonly KeptChannel[]): void {
    if (this.#state === 'off') return;
    for (const kept of found) if (young(kept)) this.#found.set(kept.name, kept);
    const all = this.#found.get(ofAll);
    if (all && this.#isTheirs(all)) this.queue.before = all;
    if (this.#connection.welcome.get()) this.#welcomed();
    this.#connection.batch.run(() => {
      for (const channel of this.#opened.values()) this.#restore(channel);
    });
  }

  /** Shows what is kept of a channel, until the hub has told it. */
  #restore({ state, source }: Channel): void {
    const { name } = state.def;
    const kept = this.#found.get(name);
    if (!kept || state.head.ready || live(state.def, this.#connection.welcome.get())) return;
    if (!this.#isTheirs(kept)) return;
    const { values, messages, at } = kept;
    const frame = { type: 'joined', channel: name, cursor: '', mode: 'snapshot' } as const;
    if (state instanceof StoreState && values)
      state.joined({ ...frame, values: Object.fromEntries(values) }, 0);
    else if (state instanceof LogState && messages) state.joined({ ...frame, messages }, lastMessages);
    else return;
    state.head = { ready: false, restored: at };
    source.changed();
  }

  /** As far as the page knows who is here. */
  #isTheirs({ user, space }: KeptChannel): boolean {
    return !this.#who || (user === this.#who.user && space === this.#who.space);
  }

  /** The hub says who is here, and which history this is: what is kept of others goes. */
  #welcomed = (): void => {
    const welcome = this.#connection.welcome.get();
    if (!welcome) return;
    this.queue.welcomed();
    for (const [name, kept] of this.#found) {
      const channel = this.#opened.get(name);
      if (theirs(kept, welcome) && !(channel && live(channel.state.def, welcome))) continue;
      this.#found.delete(name);
      void this.#shelf.delete('channels', name);
      if (channel?.state.head.restored === undefined) continue;
      channel.state.clear();
      channel.source.changed();
    }
  };

  /** Keeps what has changed. */
  #write = (): void => {
    const welcome = this.#connection.welcome.get();
    if (this.#state === 'off' || !welcome || this.#connection.status.get() === 'connecting') return;
    const { epoch, space, you } = welcome;
    const now = { epoch, space, user: you.user, proposal: you.proposal, at: Date.now() };
    const { mine, term } = this.#connection.control.get();
    const drives = mine ? term : 0;
    if (this.#written.get(ofAll) !== welcome || this.#drove !== drives || now.at - this.#toldAt >= again) {
      this.#written.set(ofAll, welcome);
      this.#drove = drives;
      this.#toldAt = now.at;
      const all = { ...now, name: ofAll, welcome: { ...welcome, conn: '' } };
      void this.#shelf.put('channels', mine ? { ...all, term } : all);
    }
    for (const [name, { state, source, membership }] of this.#opened) {
      if (membership !== 'in' || live(state.def, welcome) || this.#written.get(name) === source.get())
        continue;
      this.#written.set(name, source.get());
      const head = { ...now, name };
      if (state instanceof StoreState)
        void this.#shelf.put('channels', { ...head, values: this.#kept(name, state) });
      if (state instanceof LogState) {
        void this.#shelf.put('channels', { ...head, messages: state.view().messages.slice(-lastMessages) });
      }
    }
  };

  #kept(name: string, { base }: StoreState): ReadonlyMap<string, ValueFrame> {
    const part = this.#part;
    if (!part) return new Map(base);
    return new Map([...base].map(([key, one]) => [key, { ...one, value: part(name, one.value) }]));
  }

  // ---- both ----

  #whose(): Whose | undefined {
    const welcome = this.#connection.welcome.get();
    return welcome ? { user: welcome.you.user, space: welcome.space } : this.#who;
  }

  #tick = (): void => {
    this.#write();
    void this.queue.look();
  };

  #look = (): void => {
    const status = this.#connection.status.get();
    if (status === 'live') void this.queue.look();
    if (status === 'signed-out' || status === 'replaced') {
      this.forget();
      void this.#shelf.clear('channels');
    }
    if (status === 'signed-out' || status === 'replaced' || status === 'ended') {
      clearInterval(this.#timer);
      globalThis.removeEventListener?.('pagehide', this.#write);
      this.queue.end();
      this.#shelf.close();
    }
  };
}

function recalled(welcome: Welcome, { at, term }: KeptChannel): Recalled {
  return { welcome, at, mine: term !== undefined };
}

function young({ at }: KeptChannel): boolean {
  return Date.now() - at < oldest;
}

function theirs({ user, space, epoch, proposal }: KeptChannel, { you, ...welcome }: Welcome): boolean {
  return user === you.user && proposal === you.proposal && space === welcome.space && epoch === welcome.epoch;
}

/** What lives is shown empty until it is real. */
function live(def: ChannelDef, welcome: Welcome | null): boolean {
  return def.kind === 'signal' || (def.kind === 'store' && def.live) || !!welcome?.channels[def.name]?.live;
}
