// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Baton, connect } from '../src/index.js';
import { Sockets, welcome } from './hub.js';

let sockets: Sockets;
let baton: Baton;
let visibility: 'visible' | 'hidden';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')));
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visibility);
  visibility = 'visible';
  sockets = new Sockets();
  baton = connect({ open: sockets.open });
});

afterEach(() => {
  baton.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it('goes to where the page came from, under a random name', () => {
  const [path, client] = sockets.last.url.split('?client=');
  expect(path).toBe(`${location.origin.replace('http', 'ws')}/api/v1/ws`);
  expect(client).toMatch(/^[A-Za-z0-9_-]{20}$/);
});

it('finds out at once whether the connection lives when the page is looked at again', () => {
  sockets.last.open();
  sockets.last.push(welcome());
  visibility = 'hidden';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(sockets.last.taken()).toEqual([]);
  visibility = 'visible';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(sockets.last.taken().map((r) => r.type)).toEqual(['ping']);
  vi.advanceTimersByTime(10_000);
  expect(baton.status.get()).toBe('connecting');
});

it('connects at once when the network is back', () => {
  for (let i = 0; i < 5; i++) {
    sockets.last.cut();
    vi.advanceTimersByTime(i < 4 ? 30_000 : 0);
  }
  const before = sockets.all.length;
  window.dispatchEvent(new Event('online'));
  expect(sockets.all.length).toBe(before + 1);
});

it('listens to nothing after close', () => {
  baton.close();
  window.dispatchEvent(new Event('online'));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(sockets.all.length).toBe(1);
});
