/** A browser with tabs that share locks and channels, and can be closed, killed and frozen; and a hub that answers. */

import { vi } from 'vitest';
import { type Baton, connect } from '../src/index.js';
import { withTabs } from '../src/tabs.js';
import { FakeSocket, type Frame, type Request, StoreModel, welcome } from './hub.js';

type Message = { readonly type: 'message'; readonly position: number; readonly [more: string]: unknown };

/** A hub that answers at once, on all of its sockets. */
export class Room {
  readonly ui = new StoreModel();
  readonly chat: Message[] = [];
  /** All the sockets that were opened. */
  readonly sockets: FakeSocket[] = [];
  /** All that it was asked, in order. */
  readonly asked: Request[] = [];
  /** `held`: it takes requests, and what it says of them does not arrive. `deaf`: it takes none either. */
  line: 'up' | 'held' | 'deaf' | 'down' = 'up';
  /** Whether it answers joins: what a page shows before that is what it had. */
  joins: 'answered' | 'waiting' = 'answered';
  /** Whether what it says of writes arrives. */
  answers: 'told' | 'lost' = 'told';
  /** What it says of itself, and of who comes, besides. */
  welcome: object = {};
  #joined = new Map<FakeSocket, Set<string>>();

  readonly open = (url: string): WebSocket => {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    const take = socket.send.bind(socket);
    socket.send = (text) => {
      take(text);
      const requests = socket.taken();
      if (this.line === 'deaf') return;
      this.asked.push(...requests);
      for (const request of requests) this.#answer(socket, request);
    };
    queueMicrotask(() => {
      if (this.line === 'down') socket.cut();
      if (this.line !== 'up' || socket.state === 'closed') return;
      this.#joined.set(socket, new Set());
      socket.open();
      socket.push(welcome({ conn: `c${this.sockets.length}`, ...this.welcome }));
    });
    return socket as unknown as WebSocket;
  };

  /** The sockets that are open now. */
  get connections(): FakeSocket[] {
    return this.sockets.filter(({ state }) => state === 'open');
  }

  /** Something that the hub says to everybody. */
  push(...frames: object[]): void {
    for (const socket of this.connections) this.#push(socket, ...frames);
  }

  /** Somebody else changes something. */
  other(set: Record<string, number>): void {
    this.#fan(this.ui.write({ set }, 'bob').frames);
  }

  say(data: string): void {
    const position = this.chat.length + 1;
    const message = { type: 'message', channel: 'chat', position, at: 'T', by: 'bob', data } as const;
    this.chat.push(message);
    this.#fan([{ ...message, cursor: `e1-${position}` }]);
  }

  #push(socket: FakeSocket, ...frames: object[]): void {
    if (this.line === 'up') socket.push(...frames);
  }

  #fan(frames: readonly Frame[]): void {
    for (const socket of this.connections) {
      const theirs = frames.filter((f) => this.#joined.get(socket)?.has(f.channel as string));
      if (theirs.length > 0) this.#push(socket, ...theirs);
    }
  }

  #show(request: Request): Frame {
    const { id, channel } = request;
    if (channel === 'ui') return this.ui.joined(request);
    const { last = Infinity } = request as { last?: number };
    const messages = channel === 'chat' ? this.chat.slice(-last) : [];
    const head = { type: 'joined', id, channel, cursor: `e1-${this.chat.length}`, mode: 'snapshot' };
    return { ...head, reason: 'new', messages };
  }

  #answer(socket: FakeSocket, request: Request): void {
    const { type, id, channel = '' } = request;
    const joined = this.#joined.get(socket) ?? new Set();
    const refuse = (code: string) => this.#push(socket, { type: 'error', id, code, detail: code });
    if (type === 'join') {
      if (joined.has(channel)) refuse('invalid');
      else if (this.joins === 'answered') this.#push(socket, this.#show(request));
      joined.add(channel);
    }
    if (type === 'leave') joined.delete(channel);
    if (type === 'leave') this.#push(socket, { type: 'left', id });
    if (type === 'ping') this.#push(socket, { type: 'pong', id, cursor: this.ui.cursor });
    if (type === 'call') this.#push(socket, { type: 'called', id, call: `call-${request.op}` });
    if (type !== 'write') return;
    const { position, frames } = this.ui.write(request, 'alice');
    if (this.answers === 'lost') return;
    this.#fan(frames);
    if (position === 0) refuse('conflict');
    else this.#push(socket, { type: 'written', id, position, cursor: this.ui.cursor });
  }
}

interface Held {
  readonly tab: Tab;
  readonly release: () => void;
  readonly lose: () => void;
}

/** What tabs of one browser have in common. */
export class Browser {
  readonly channels = new Set<Channel>();
  /** `nothing`: it refuses to make a channel, as where the user has blocked storage. */
  hears: 'all' | 'nothing' = 'all';
  readonly #held = new Map<string, Held>();
  readonly #waiting: {
    readonly name: string;
    readonly take: () => void;
    readonly signal?: AbortSignal;
    tab: Tab;
  }[] = [];

  open(room: Room, more: object = {}): Tab {
    return new Tab(this, room, more);
  }

  /** Which tab has the connection. */
  leader(): Tab | undefined {
    return [...this.#held].find(([name]) => name.startsWith('baton https'))?.[1].tab;
  }

  locks(tab: Tab): LockManager {
    const request = (
      name: string,
      options: LockOptions,
      work: (lock: Lock | null) => Promise<void> | undefined,
    ) =>
      new Promise<void>((done, failed) => {
        const abort = new DOMException('aborted', 'AbortError');
        const take = () => {
          const held = {
            tab,
            release: () => this.#release(name, held),
            lose: () => tab.event(() => failed(abort)),
          };
          this.#held.set(name, held);
          tab.event(() => {
            Promise.resolve(work({ name, mode: 'exclusive' })).then(() => {
              done();
              this.#release(name, held);
            });
          });
        };
        options.signal?.addEventListener('abort', () => failed(abort));
        if (tab.state === 'frozen') {
          tab.event(() => request(name, options, work).then(done, failed));
          return;
        }
        const holder = this.#held.get(name);
        if (options.ifAvailable && holder) {
          tab.event(() => Promise.resolve(work(null)).then(done));
          return;
        }
        if (options.steal) {
          this.#held.delete(name);
          holder?.lose();
          take();
        } else if (holder)
          this.#waiting.push({ name, take, tab, ...(options.signal && { signal: options.signal }) });
        else take();
      });
    return { request } as unknown as LockManager;
  }

  /** A tab is no more. */
  forget(tab: Tab): void {
    for (const channel of this.channels) if (channel.tab === tab) this.channels.delete(channel);
    for (const held of [...this.#held.values()]) if (held.tab === tab) held.release();
  }

  #release(name: string, held: Held): void {
    if (this.#held.get(name) !== held) return;
    this.#held.delete(name);
    for (;;) {
      const next = this.#waiting.findIndex((w) => w.name === name);
      const [one] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (one === undefined) return;
      if (one.tab.state === 'dead' || one.signal?.aborted) continue;
      one.take();
      return;
    }
  }
}

class Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly name: string;
  readonly tab: Tab;

  constructor(name: string, tab: Tab) {
    if (tab.browser.hears === 'nothing') throw new DOMException('denied', 'SecurityError');
    this.name = name;
    this.tab = tab;
    tab.browser.channels.add(this);
  }

  postMessage(data: unknown): void {
    const copy = JSON.stringify(data);
    if (this.tab.state === 'dead') return;
    if (this.tab.state === 'frozen') {
      this.tab.event(() => this.postMessage(data)); // only in these tests do its timers go on
      return;
    }
    for (const other of this.tab.browser.channels) {
      if (other === this || other.name !== this.name) continue;
      other.tab.event(() => other.onmessage?.({ data: JSON.parse(copy) }));
    }
  }

  close(): void {
    this.tab.browser.channels.delete(this);
  }
}

export class Tab {
  readonly browser: Browser;
  readonly baton: Baton;
  state: 'running' | 'frozen' | 'dead' = 'running';
  readonly sockets: FakeSocket[] = [];
  readonly #queue: (() => void)[] = [];

  constructor(browser: Browser, room: Room, more: object) {
    this.browser = browser;
    const tab = this;
    vi.stubGlobal('navigator', { locks: browser.locks(this) });
    vi.stubGlobal(
      'BroadcastChannel',
      class extends Channel {
        constructor(name: string) {
          super(name, tab);
        }
      },
    );
    const open = (url: string) => {
      const socket = room.open(url);
      const fake = socket as unknown as FakeSocket;
      // What comes while the tab is frozen waits, as everything else.
      const { push, cut } = fake;
      fake.push = (...frames) => this.event(() => push.apply(fake, frames));
      fake.cut = (...how) => this.event(() => cut.apply(fake, how));
      this.sockets.push(fake);
      return socket;
    };
    const signedIn = () => Promise.resolve(true);
    this.baton = connect(withTabs({ url: 'https://hub.example', session: 's1', open, signedIn, ...more }));
    vi.unstubAllGlobals();
  }

  /** Something happens in the tab: soon, or when it runs again. */
  event(work: () => void): void {
    if (this.state === 'frozen') this.#queue.push(work);
    else if (this.state === 'running')
      queueMicrotask(() => {
        if (this.state === 'running') work();
        else if (this.state === 'frozen') this.#queue.push(work);
      });
  }

  /** The tab is gone without a word; its socket with it. */
  kill(): void {
    this.state = 'dead';
    for (const socket of this.sockets) socket.close();
    this.browser.forget(this);
    this.baton.close(); // ends its timers; nobody hears of it
  }

  freeze(): void {
    this.state = 'frozen';
  }

  thaw(): void {
    this.state = 'running';
    for (const work of this.#queue.splice(0)) this.event(work);
  }
}
