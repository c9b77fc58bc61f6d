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
export interface OpenSocket {
  (url: string, protocol: string): Socket;
  /** No more will be opened. */
  end?: () => void;
}

/** How the platform opens sockets to a hub; undefined where there are none, or no page to say where the hub is. */
export const platformSocket = (url: string): OpenSocket | undefined =>
  url && globalThis.WebSocket ? (address, protocol) => new WebSocket(address, protocol) : undefined;

export interface LinkEvents {
  /** A message has come. */
  readonly message: (text: unknown) => void;
  /**
   * The connection is gone, or could not be made. The link opens the next unless it is closed now: after so many
   * milliseconds, if the hub has said so; it has spread its clients already.
   */
  readonly down: (how: Down) => number | undefined;
  /** A message to which the hub will answer. */
  readonly ping: () => string;
}

export interface Down {
  readonly code: number;
  readonly reason: string;
  /** Whether anything was heard over it. */
  readonly heard: boolean;
  /** Milliseconds; the link knows of none. */
  readonly reconnect_after?: number;
}

const firstDelay = 500;
const longestDelay = 30_000;
const openTime = 10_000;
const pingEvery = 20_000;
const pongTime = 10_000;
const silence = 'the hub does not answer';

type Timer = ReturnType<typeof setTimeout>;

export class Link {
  #url: string;
  #open: OpenSocket;
  #events: LinkEvents;
  #state: 'closed' | undefined; // undefined: it is kept up
  #socket: Socket | undefined; // over which the hub speaks
  #next: Socket | undefined; // that is being made, as the first or while the other one works
  #failures = 0;
  #retry: Timer | undefined; // to make a socket, or to give up the one that is being made
  #watch: Timer | undefined; // ends a connection that is silent
  #ping: Timer | undefined;

  constructor(url: string, open: OpenSocket, events: LinkEvents) {
    this.#url = url;
    this.#open = open;
    this.#events = events;
  }

  start(): void {
    this.#hear('addEventListener');
    this.connect();
  }

  /** Sends, if there is a connection. What gets lost is the caller's to send again. */
  send(text: string): void {
    this.#socket?.send(text);
  }

  close(): void {
    this.#state = 'closed';
    this.#drop();
    this.#giveUp();
    this.#open.end?.();
    this.#hear('removeEventListener');
  }

  /** Begins, or ends, to hear of what the browser tells. */
  #hear(how: 'addEventListener' | 'removeEventListener'): void {
    globalThis[how]?.('online', this.#poke);
    globalThis.document?.[how]('visibilitychange', this.#poke);
  }

  /** Makes the next connection. One that works goes on until that takes over with its first message. */
  connect = (): void => {
    this.#giveUp();
    let socket: Socket;
    try {
      socket = this.#open(this.#url, 'baton.v1');
    } catch (err) {
      this.#lost(undefined, String(err));
      return;
    }
    this.#next = socket;
    socket.onmessage = ({ data }) => {
      if (socket === this.#next) {
        this.#next = undefined;
        this.#giveUp();
        this.#drop();
        this.#socket = socket;
        this.#pingLater();
      }
      // An old socket may go on to speak when it has been given up for dead.
      if (socket !== this.#socket) return;
      clearTimeout(this.#watch);
      this.#events.message(data);
    };
    socket.onclose = ({ code, reason }) => this.#lost(socket, reason, code);
    // Browsers tell of a close after this; Node's sockets may not.
    socket.onerror = () => {
      if (socket === this.#next) this.#lost(socket, silence);
    };
    this.#retry = setTimeout(() => this.#lost(socket, silence), openTime);
  };

  #pingLater(): void {
    clearTimeout(this.#ping);
    this.#ping = setTimeout(this.#pingNow, pingEvery);
  }

  /** Gives the connection up if nothing is heard for so long. */
  #pingNow = (): void => {
    this.#pingLater();
    this.send(this.#events.ping());
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lost(this.#socket, silence), pongTime);
  };

  /** One of the two sockets is gone, or could not be made at all; nothing happens if it is neither any more. */
  #lost(socket: Socket | undefined, reason: string, code = 1006): void {
    const heard = !!socket && socket === this.#socket;
    if (heard) {
      this.#drop();
      this.#failures = 0;
    } else if (socket === this.#next) this.#giveUp();
    else return;
    const hint = this.#socket ? undefined : this.#events.down({ code, reason, heard });
    if (this.#next || this.#state) return; // there is a next one already, or the listener has closed it
    const longest = Math.min(longestDelay, firstDelay * 2 ** this.#failures++);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.connect, hint || Math.random() * longest);
  }

  /** Ends the connection that is being made, and any plan to make one. */
  #giveUp(): void {
    clearTimeout(this.#retry);
    const next = this.#next;
    this.#next = undefined;
    next?.close();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#watch);
    clearTimeout(this.#ping);
    socket?.close();
  }

  /** The page is looked at again, or the network is back: now is a good time to find out. */
  #poke = (): void => {
    if (globalThis.document?.visibilityState === 'hidden') return;
    if (this.#socket) this.#pingNow();
    else if (!this.#next) this.connect();
  };
}
