/** How long a message takes to the hub and back, over the connection that everything else takes too. */

import type { OpenSocket, Readable, Socket } from '@baton/client';
import { createContext } from 'react';

/** Milliseconds, of the newest question; null: it is not answered yet, or there is no connection. */
export interface RoundTrip extends Readable<number | null> {
  /** Asks the hub for an answer now. Nothing happens while there is no connection. */
  readonly ask: () => void;
}

const unknown: RoundTrip = { get: () => null, subscribe: () => () => undefined, ask: () => undefined };

export const RoundTripContext = createContext<RoundTrip>(unknown);

/** Far beyond the numbers that the client itself gives to its requests. */
const firstId = 2 ** 52;

/** Opens sockets that are listened to: the hub's answers to `ask` are the client's and no secret to it. */
export function measured(open: OpenSocket): RoundTrip & { readonly open: OpenSocket } {
  const listeners = new Set<() => void>();
  let value: number | null = null;
  let asked = { id: firstId, at: 0 };
  let current: Socket | undefined; // over which the hub has spoken last
  const set = (next: number | null) => {
    if (next === value) return;
    value = next;
    for (const listener of listeners) listener();
  };
  const listened: OpenSocket = (url, protocol) => {
    const socket = open(url, protocol);
    const shown = pass(socket);
    socket.onmessage = (event) => {
      current = socket;
      if (isAnswer(event.data, asked.id)) set(performance.now() - asked.at);
      shown.onmessage?.(event);
    };
    socket.onclose = (event) => {
      if (socket === current) {
        current = undefined;
        set(null);
      }
      shown.onclose?.(event);
    };
    return shown;
  };
  if (open.end) listened.end = open.end;
  return {
    open: listened,
    get: () => value,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    ask: () => {
      if (current === undefined) return;
      asked = { id: asked.id + 1, at: performance.now() };
      current.send(JSON.stringify([{ type: 'ping', id: asked.id }]));
    },
  };
}

/** What the client sees of a socket. */
function pass(socket: Socket): Socket {
  const shown: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    send: (text) => socket.send(text),
    close: () => socket.close(),
  };
  socket.onopen = (event) => shown.onopen?.(event);
  socket.onerror = (event) => shown.onerror?.(event);
  return shown;
}

function isAnswer(data: unknown, id: number): boolean {
  if (typeof data !== 'string' || !data.includes(`${id}`)) return false;
  const frames = JSON.parse(data) as readonly { readonly type: string; readonly id?: number }[];
  return frames.some((frame) => frame.type === 'pong' && frame.id === id);
}
