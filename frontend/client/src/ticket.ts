/**
 * `@baton/client/ticket`: for pages of other origins than the hub's, which cannot send its cookie. Only those who import it
 * load it.
 */

import type { ConnectOptions } from './connect.js';
import { BatonError } from './error.js';
import type { Socket } from './link.js';

export interface TicketOptions {
  /** Where the hub is, such as https://baton.example.org. The site has to allow the origin of the page. */
  readonly url: string;
  /** What the page shows in the place of a cookie: a token of the hub, or a JWT of another issuer. Asked for each time. */
  readonly token: () => string | Promise<string>;
  /** The space, for a token that does not name it: a JWT that is good in several. */
  readonly space?: string;
}

/**
 * Options for `connect`: every socket is opened with a one-time ticket, so that no token is ever in an address.
 *
 * `connect(withTicket({ url, token: () => bearer }))`. When the hub does not know the token any more the client ends with
 * the status `signed-out`.
 */
export function withTicket(options: TicketOptions): ConnectOptions {
  return {
    url: options.url,
    open: (url, protocol) => new TicketSocket(url, protocol, () => ticket(options)),
    signedIn: () => Promise.resolve(true), // the ticket is refused if not
  };
}

/** A ticket for one socket, good for 30 s. Rejects with status 401 if the token is not known (any more). */
export async function ticket({ url, token, space }: TicketOptions): Promise<string> {
  const query = space === undefined ? '' : `?space=${encodeURIComponent(space)}`;
  const response = await fetch(`${url}/api/v1/tickets${query}`, {
    method: 'POST',
    credentials: 'omit',
    headers: { Authorization: `Bearer ${await token()}` },
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return String(answer.ticket);
  throw new BatonError({
    code: String(answer.code ?? 'unavailable'),
    detail: String(answer.detail ?? `The hub answered ${response.status}.`),
    status: response.status,
  });
}

const signedOut = 4401;
const noConnection = 1006;

/** A WebSocket that gets its ticket first. */
class TicketSocket implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  #socket: WebSocket | undefined;
  #state: 'wanted' | 'closed' = 'wanted';

  constructor(url: string, protocol: string, get: () => Promise<string>) {
    get().then(
      (given) => this.#connect(`${url}&ticket=${encodeURIComponent(given)}`, protocol),
      (err: unknown) => {
        const gone = err instanceof BatonError && err.status === 401;
        if (this.#state === 'wanted')
          this.onclose?.({ code: gone ? signedOut : noConnection, reason: String(err) } as CloseEvent);
      },
    );
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(): void {
    this.#state = 'closed';
    this.#socket?.close();
  }

  #connect(url: string, protocol: string): void {
    if (this.#state === 'closed') return;
    const socket = new WebSocket(url, protocol);
    this.#socket = socket;
    socket.onopen = (event) => this.onopen?.(event);
    socket.onmessage = (event) => this.onmessage?.(event);
    socket.onclose = (event) => this.onclose?.(event);
    socket.onerror = (event) => this.onerror?.(event);
  }
}
