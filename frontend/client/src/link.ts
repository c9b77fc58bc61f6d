/**
 * The socket: opened, watched, and opened again. It knows nothing of what is said over it. All timers of a connection
 * but the outbox's are here, and none is left after close.
 */

/** What is used of a WebSocket. */
export interface Socket {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  send(text: string): void;
  close(): void;
}

/** Opens a socket. The default is the platform's WebSocket; tests, and Node 20, bring their own. */
export type OpenSocket = (url: string, protocol: string) => Socket;

export interface LinkEvents {
  /** A message has come. */
  readonly message: (text: unknown) => void;
  /** The connection is gone, or could not be made. The link opens the next unless it is closed now. */
  readonly down: (how: Down) => void;
  /** A message to which the hub will answer. */
  readonly ping: () => string;
}

export interface Down {
  readonly code: number;
  readonly reason: string;
  /** Whether anything was heard over it. */
  readonly heard: boolean;
}

const firstDelay = 500;
const longestDelay = 30_000;
const openTime = 10_000;
const pingEvery = 20_000;
const pongTime = 10_000;

export class Link {
  #url: string;
  #open: OpenSocket;
  #events: LinkEvents;
  #state: 'waiting' | 'opening' | 'open' | 'closed' = 'waiting';
  #socket: Socket | undefined;
  #failures = 0;
  #hint: number | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined; // ends a connection that is silent
  #ping: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, open: OpenSocket, events: LinkEvents) {
    this.#url = url;
    this.#open = open;
    this.#events = events;
  }

  start(): void {
    globalThis.addEventListener?.('online', this.#poke);
    globalThis.document?.addEventListener('visibilitychange', this.#poke);
    this.#connect();
  }

  /** Sends, if there is a connection. What gets lost is the caller's to send again. */
  send(text: string): void {
    if (this.#state === 'open') this.#socket?.send(text);
  }

  /** The hub asks to come back after so many milliseconds; it has spread its clients already. */
  comeBackAfter(milliseconds: number): void {
    this.#hint = milliseconds;
  }

  /** The connection works: the next failure is the first. */
  healthy(): void {
    this.#failures = 0;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#drop();
    clearTimeout(this.#retry);
    globalThis.removeEventListener?.('online', this.#poke);
    globalThis.document?.removeEventListener('visibilitychange', this.#poke);
  }

  #connect(): void {
    this.#state = 'opening';
    clearTimeout(this.#retry);
    let socket: Socket;
    try {
      socket = this.#open(this.#url, 'baton.v1');
    } catch (err) {
      this.#lost({ code: 1006, reason: String(err), heard: false });
      return;
    }
    this.#socket = socket;
    // An old socket may go on to speak when it has been given up for dead.
    const mine = () => socket === this.#socket;
    socket.onopen = () => {
      if (mine()) this.#state = 'open';
    };
    socket.onmessage = (event) => {
      if (mine()) this.#heard(event.data);
    };
    socket.onclose = (event) => {
      if (mine()) this.#lost({ code: event.code, reason: event.reason, heard: this.#ping !== undefined });
    };
    // Browsers tell of a close after this; Node's sockets may not.
    socket.onerror = () => {
      if (mine() && this.#state === 'opening')
        this.#lost({ code: 1006, reason: 'no connection', heard: false });
    };
    this.#expect(openTime);
  }

  #heard(text: unknown): void {
    clearTimeout(this.#watch);
    if (this.#ping === undefined) this.#pingLater();
    this.#events.message(text);
  }

  #pingLater(): void {
    clearTimeout(this.#ping);
    this.#ping = setTimeout(this.#pingNow, pingEvery);
  }

  #pingNow = (): void => {
    this.#pingLater();
    this.send(this.#events.ping());
    this.#expect(pongTime);
  };

  /** Gives the connection up if nothing is heard for so long. */
  #expect(milliseconds: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#lost({ code: 1006, reason: 'the hub does not answer', heard: this.#ping !== undefined });
    }, milliseconds);
  }

  #lost(how: Down): void {
    this.#drop();
    this.#state = 'waiting';
    this.#events.down(how);
    if (this.#state !== 'waiting') return; // closed by the listener
    const longest = Math.min(longestDelay, firstDelay * 2 ** this.#failures++);
    const delay = this.#hint ?? Math.random() * longest;
    this.#hint = undefined;
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#watch);
    clearTimeout(this.#ping);
    this.#ping = undefined;
    socket?.close();
  }

  /** The page is looked at again, or the network is back: now is a good time to find out. */
  #poke = (): void => {
    if (globalThis.document?.visibilityState === 'hidden') return;
    if (this.#state === 'waiting') this.#connect();
    else if (this.#ping !== undefined) this.#pingNow();
  };
}
