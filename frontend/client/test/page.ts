/** One page's connection to a hub whose sockets are in the hands of the test; for each test a new one, in fake time. */

import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type Baton, connect, defineLog, defineStore } from '../src/index.js';
import { Sockets, welcome } from './hub.js';

export const ui = defineStore<number>({ name: 'ui' });
export const queue = defineStore<number>({ name: 'queue' });
export const chat = defineLog<string>({ name: 'chat' });

export let sockets: Sockets;
export let baton: Baton;
let signedIn: number;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  signedIn = 200;
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status: signedIn })));
  sockets = new Sockets();
  baton = connect({ url: 'https://hub.example', client: 'page', open: sockets.open });
});

afterEach(() => {
  baton.close();
  expect(vi.getTimerCount(), 'no timer is left after close').toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The newest socket is open, and welcomed. */
export function up(more: object = {}): void {
  sockets.last.open();
  sockets.last.push(welcome(more));
}

export const snapshot = (channel: string, id: number | undefined, more: object = {}) => ({
  type: 'joined',
  id,
  channel,
  cursor: 'e1-5',
  mode: 'snapshot',
  ...more,
});

/** What the hub answers from now on when it is asked who is signed in. */
export function answers(status: number): void {
  signedIn = status;
}
