/**
 * `@baton/client/tabs`: one connection for all tabs of a browser. Only those who import it load it.
 *
 * The tabs of one login session share a Web Lock. Who holds it leads: it has the socket, and speaks for the others, who
 * reach it over a BroadcastChannel. To the client above, such a port is a socket. When the leader goes, the next tab gets
 * the lock, opens a socket, and says so; the ports are made anew, as when a node of the hub is leaving, and what was not
 * answered is asked again under the same operation ids. A leader that does not answer, because its tab is frozen, loses the
 * lock to who asked it. Two that lead for a moment do no harm: the hub does an operation once, however it comes.
 */

import type { ConnectOptions } from './connect.js';
import { BatonError } from './error.js';
import { whoAmI } from './http.js';
import { type OpenSocket, platformSocket, type Socket } from './link.js';
import { Trunk } from './trunk.js';

export interface TabsOptions extends ConnectOptions {
  /**
   * Names who is signed in: tabs share a connection if this is the same. Default: the login session of the cookie, asked of
   * the hub once for a page; a page that knows it (SignedIn.session) is faster. Needed where there is no cookie.
   */
  readonly session?: string;
}

/**
 * Options for `connect`, with which the tabs of a browser share one socket: `connect(withTabs())`. Where there are no Web
 * Locks or no BroadcastChannel, or the browser refuses them, each tab has its own, as without.
 */
export function withTabs(options: TabsOptions = {}): ConnectOptions {
  const { session, ...rest } = options;
  const { locks } = globalThis.navigator ?? {};
  const url = options.url ?? globalThis.location?.origin ?? '';
  const direct = options.open ?? platformSocket(url);
  if (!direct || !locks || !globalThis.BroadcastChannel) return rest;
  const who = () =>
    session === undefined ? whoAmI({ url }).then((me) => me?.session) : Promise.resolve(session);
  const { BroadcastChannel } = globalThis;
  const tabs = new Tabs(locks, (name) => new BroadcastChannel(name), direct, url, who);
  const open: OpenSocket = (address, protocol) => tabs.open(address, protocol);
  open.end = () => tabs.end();
  return { ...rest, open };
}

/** What tabs say to each other. `at`: when, by the clock that they share. */
type Word =
  | { readonly is: 'attach'; readonly port: string; readonly url: string }
  | { readonly is: 'up'; readonly port: string; readonly text: string; readonly at: number }
  | { readonly is: 'detach'; readonly port: string }
  | { readonly is: 'down'; readonly ports: readonly string[]; readonly text: string }
  | {
      readonly is: 'closed';
      readonly ports: readonly string[];
      readonly code: number;
      readonly reason: string;
    }
  | { readonly is: 'leading' | 'alive'; readonly leader: string }
  | { readonly is: 'probe' };

/** How often a leader that says nothing is asked whether it is there, and how long it may take to answer. */
const quietTime = 1_000;
const deadTime = 2_500;
/** How late both may be noticed: all in all, another tab leads within five seconds. */
const lookEvery = 500;
/** What a leader was told so long ago it does not pass on: it was frozen, and another leads. */
const staleTime = 2_000;
/** A port that is not heard for so long is of a tab that is frozen, or gone without a word. */
const portLife = 150_000;
/** Between attempts to connect. */
const pace = 1_000;
/** How long a port of the last leader is kept, until that of the next one takes over. */
const handOver = 2_000;
const noConnection = 1006;
const signedOut = 4401;

class Tabs {
  readonly #id = randomName();
  #locks: LockManager;
  #tune: (name: string) => BroadcastChannel;
  #direct: OpenSocket;
  #url: string;
  #who: () => Promise<string | undefined>;
  /** `apart`: the browser refuses locks or channels here, so this tab has a socket of its own. */
  #state: 'together' | 'apart' = 'together';
  #name = ''; // of the lock and the channel
  #starting: Promise<void> | undefined;
  #channel: BroadcastChannel | undefined;
  #ports = new Map<string, Port>();
  #leader: Leader | undefined; // this tab leads
  #protocol = '';
  #waiting: AbortController | undefined; // for the lock
  #resign: (() => void) | undefined; // gives the lock back
  #heard = 0;
  #probed = 0; // when the leader was asked whether it is there, since it was heard last; 0 = it was not
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    locks: LockManager,
    tune: (name: string) => BroadcastChannel,
    direct: OpenSocket,
    url: string,
    who: () => Promise<string | undefined>,
  ) {
    this.#locks = locks;
    this.#tune = tune;
    this.#direct = direct;
    this.#url = url;
    this.#who = who;
  }

  open(url: string, protocol: string): Socket {
    if (this.#state === 'apart') return this.#direct(url, protocol);
    const port = new Port(url, (word) => this.#say(word));
    port.gone = () => this.#ports.delete(port.name);
    this.#ports.set(port.name, port);
    this.#protocol = protocol;
    this.#start().then(
      () => port.attach(),
      (err: unknown) =>
        port.closed(err instanceof BatonError && err.status === 401 ? signedOut : noConnection, String(err)),
    );
    return port;
  }

  /** This page is left, or has no connection any more: the others go on without it. */
  readonly end = (): void => {
    for (const port of [...this.#ports.values()]) {
      this.#say({ is: 'detach', port: port.name });
      port.closed(noConnection, 'the page is left');
    }
    this.#leave();
  };

  /** From now on this tab has a socket of its own. */
  #part(): void {
    this.#state = 'apart';
    this.#leave();
    for (const port of [...this.#ports.values()]) port.parted();
  }

  #leave(): void {
    globalThis.removeEventListener?.('pagehide', this.end);
    this.#waiting?.abort();
    this.#stepDown();
    clearInterval(this.#watch);
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #start(): Promise<void> {
    if (this.#channel) return;
    this.#starting ??= this.#who()
      .then((session) => this.#begin(session))
      .finally(() => {
        this.#starting = undefined;
      });
    await this.#starting;
  }

  #begin(session: string | undefined): void {
    if (session === undefined) {
      throw new BatonError({ code: 'signed_out', detail: 'nobody is signed in', status: 401 });
    }
    if (this.#ports.size === 0) return; // nobody waits for it any more
    this.#name = `baton ${this.#url} ${session}`;
    try {
      this.#channel = this.#tune(this.#name);
    } catch {
      this.#part();
      return;
    }
    this.#channel.onmessage = ({ data }) => this.#hear(data as Word);
    this.#watch = setInterval(() => this.#look(), lookEvery);
    this.#heard = performance.now();
    globalThis.addEventListener?.('pagehide', this.end);
    this.#wait();
  }

  // ---- who leads ----

  /** Waits for its turn to lead; `steal`: takes it. */
  #wait(steal = false): void {
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    // A lock that is stolen cannot be waited for.
    const options = steal ? { steal } : { signal: waiting.signal };
    let had = false;
    this.#locks
      .request(this.#name, options, () => {
        if (waiting.signal.aborted) return undefined;
        had = true;
        return new Promise<void>((resign) => {
          this.#resign = resign;
          this.#lead();
        });
      })
      .catch((err: unknown) => {
        if (waiting.signal.aborted) return;
        // What is stolen ends with an AbortError, for who had it. All else is a refusal, and would be one again: of a frame
        // without storage, or where the user has blocked it.
        const stolen = had && err instanceof DOMException && err.name === 'AbortError';
        if (!stolen) {
          this.#part();
          return;
        }
        this.#stepDown();
        this.#wait();
      });
  }

  #lead(): void {
    this.#probed = 0;
    this.#leader = new Leader(
      (url) => this.#direct(url, this.#protocol),
      (word) => this.#say(word),
    );
    this.#say({ is: 'leading', leader: this.#id });
    for (const port of [...this.#ports.values()]) port.moved();
  }

  #stepDown(): void {
    this.#leader?.close();
    this.#leader = undefined;
    this.#resign?.();
    this.#resign = undefined;
  }

  /** Finds out whether the leader is there, if it has said nothing for a while. */
  #look(): void {
    const now = performance.now();
    if (this.#leader) this.#leader.sweep(now);
    else if (this.#probed && now - this.#probed >= deadTime) this.#wait(true);
    else if (!this.#probed && now - this.#heard >= quietTime) {
      this.#probed = now;
      this.#say({ is: 'probe' });
    }
  }

  // ---- what is said ----

  #hear(word: Word): void {
    switch (word.is) {
      case 'attach':
        this.#leader?.attach(word.port, word.url);
        break;
      case 'detach':
        this.#leader?.detach(word.port);
        break;
      case 'up':
        if (Date.now() - word.at > staleTime) this.#leader?.refuse(word.port);
        else this.#leader?.up(word.port, word.text);
        break;
      case 'probe':
        if (this.#leader) this.#say({ is: 'alive', leader: this.#id });
        return;
      case 'leading':
        if (this.#leader) {
          // The lock was taken from this tab, which has not heard of it yet.
          this.#stepDown();
          this.#wait();
        }
        this.#heardLeader();
        for (const port of [...this.#ports.values()]) port.moved();
        break;
      case 'down':
      case 'closed':
        this.#deliver(word);
        this.#heardLeader();
        break;
      case 'alive':
        this.#heardLeader();
    }
  }

  #heardLeader(): void {
    this.#heard = performance.now();
    this.#probed = 0;
  }

  /** Says something to the tabs, this one included. */
  #say(word: Word): void {
    if (word.is === 'down' || word.is === 'closed') {
      const others = word.ports.filter((port) => !this.#ports.has(port));
      if (others.length > 0) this.#channel?.postMessage({ ...word, ports: others });
      this.#deliver(word);
    } else if (word.is === 'leading' || word.is === 'alive' || word.is === 'probe' || !this.#leader) {
      this.#channel?.postMessage(word);
    } else {
      this.#hear(word);
    }
  }

  #deliver(word: Word & { readonly is: 'down' | 'closed' }): void {
    for (const name of word.ports) {
      const port = this.#ports.get(name);
      if (word.is === 'down') port?.down(word.text);
      else port?.closed(word.code, word.reason);
    }
  }
}

/** A tab's way to the leader; to the client, a socket. */
class Port implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly name = randomName();
  gone: () => void = () => {};
  #url: string;
  #say: (word: Word) => void;
  /** `heard`: the hub has spoken over it. `moving`: its leader leads no more. */
  #state: 'wanted' | 'attaching' | 'heard' | 'moving' | 'closed' = 'wanted';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, say: (word: Word) => void) {
    this.#url = url;
    this.#say = say;
  }

  send(text: string): void {
    if (this.#state === 'heard') this.#say({ is: 'up', port: this.name, text, at: Date.now() });
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#over();
    this.#say({ is: 'detach', port: this.name });
  }

  attach(): void {
    if (this.#state === 'closed') return;
    this.#state = 'attaching';
    this.#say({ is: 'attach', port: this.name, url: this.#url });
  }

  down(text: string): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'attaching') this.#state = 'heard';
    this.onmessage?.({ data: text } as MessageEvent);
  }

  closed(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    this.#over();
    this.onclose?.({ code, reason } as CloseEvent);
  }

  /** Another tab leads. To the client it is as if a node were leaving: it makes the next port while it has this one. */
  moved(): void {
    if (this.#state === 'attaching') this.attach();
    if (this.#state !== 'heard') return;
    this.#state = 'moving';
    this.#timer = setTimeout(
      () => this.closed(noConnection, 'the tab that had the connection is gone'),
      handOver,
    );
    this.onmessage?.({ data: '[{"type":"leaving"}]' } as MessageEvent);
  }

  /** Its tab has sockets of its own: to the client, as if the hub had asked it to come back at once. */
  parted(): void {
    if (this.#state === 'closed') return;
    this.onmessage?.({
      data: '[{"type":"bye","code":1012,"reason":"","reconnect_after":1}]',
    } as MessageEvent);
    this.closed(noConnection, 'this browser shares no connection here');
  }

  #over(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.gone();
  }
}

/** What the tab that leads has: the socket, and by its side another one while a node is leaving. */
class Leader {
  #open: (url: string) => Socket;
  #say: (word: Word) => void;
  #trunks = new Set<Trunk>();
  #heard = new Map<string, number>(); // when each port was
  #waiting = new Map<string, string>(); // for the next attempt to connect: ports and their addresses
  #attempt: ReturnType<typeof setTimeout> | undefined;
  #notBefore = 0;

  constructor(open: (url: string) => Socket, say: (word: Word) => void) {
    this.#open = open;
    this.#say = say;
  }

  attach(port: string, url: string): void {
    if (this.#heard.has(port)) return;
    this.#heard.set(port, performance.now());
    const present = [...this.#trunks].find(({ state }) => state === 'opening' || state === 'open');
    if (present) {
      present.attach(port);
      return;
    }
    this.#waiting.set(port, url);
    this.#attempt ??= setTimeout(this.#connect, Math.max(0, this.#notBefore - performance.now()));
  }

  up(port: string, text: string): void {
    const trunk = this.#of(port);
    if (!trunk) this.refuse(port);
    else {
      this.#heard.set(port, performance.now());
      trunk.up(port, text);
    }
  }

  detach(port: string): void {
    this.#heard.delete(port);
    this.#waiting.delete(port);
    this.#of(port)?.detach(port);
  }

  /** A port that this leader cannot serve has to be made anew. */
  refuse(port: string): void {
    this.detach(port);
    this.#say({
      is: 'closed',
      ports: [port],
      code: noConnection,
      reason: 'the tab that has the connection was not there',
    });
  }

  /** Lets the ports go that have not been heard for too long. */
  sweep(now: number): void {
    for (const [port, at] of this.#heard) if (now - at > portLife) this.refuse(port);
  }

  close(): void {
    clearTimeout(this.#attempt);
    // The ports are not told that they are closed: they move to the next leader.
    this.#say = () => {};
    for (const trunk of this.#trunks) trunk.close();
  }

  #connect = (): void => {
    this.#attempt = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const [first] = waiting;
    if (!first) return;
    const ports = waiting.map(([port]) => port);
    let trunk: Trunk;
    try {
      trunk = new Trunk(() => this.#open(first[1]), {
        down: (to, text) => this.#say({ is: 'down', ports: to, text }),
        closed: (whose, code, reason, before) => {
          this.#trunks.delete(trunk);
          if (before === 'opening') this.#notBefore = performance.now() + pace;
          this.#closed(whose, code, reason);
        },
      });
    } catch (err) {
      this.#closed(ports, noConnection, String(err));
      return;
    }
    this.#trunks.add(trunk);
    for (const port of ports) trunk.attach(port);
  };

  #closed(ports: readonly string[], code: number, reason: string): void {
    for (const port of ports) this.#heard.delete(port);
    if (ports.length > 0) this.#say({ is: 'closed', ports, code, reason });
  }

  #of(port: string): Trunk | undefined {
    return [...this.#trunks].find((trunk) => trunk.has(port));
  }
}

function randomName(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(15))));
}
