import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'vite';
import { beforeAll, expect, it } from 'vitest';
import type * as client from '../src/index.js';
import { FakeSocket, Sockets, welcome } from './hub.js';

/** The client as one script, to be run where there is no more than a place has. */
let script: string;

beforeAll(async () => {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      lib: {
        entry: fileURLToPath(new URL('../src/index.ts', import.meta.url)),
        formats: ['iife'],
        name: 'client',
      },
    },
  });
  const [first] = Array.isArray(built) ? built : [built];
  script = first && 'output' in first ? first.output[0].code : '';
}, 60_000);

/** What the language's own global object does not have, and all of them do. */
const everywhere = { setTimeout, clearTimeout, queueMicrotask, performance, TextEncoder, btoa, crypto };

function loadedIn(place: object): typeof client {
  const context = createContext({ ...everywhere, ...place });
  return runInContext(`${script}; client`, context) as typeof client;
}

it('works in a worker, which has no window and no document', () => {
  const sockets = new Sockets();
  class Opened extends FakeSocket {
    constructor(url: string) {
      super(url);
      sockets.all.push(this);
    }
  }
  const listeners: string[] = [];
  const { connect } = loadedIn({
    location: { origin: 'https://hub.example' },
    WebSocket: Opened,
    addEventListener: (type: string) => listeners.push(type),
    removeEventListener: () => {},
    fetch,
  });
  const baton = connect();
  expect(sockets.last.url).toMatch(/^wss:\/\/hub\.example\/api\/v1\/ws\?client=/);
  sockets.last.open();
  sockets.last.push(welcome());
  expect(baton.status.get()).toBe('live');
  expect(listeners).toEqual(['online']);
  baton.close();
});

it('does nothing on a server that renders a page, where there are no sockets and nowhere to come from', () => {
  const { connect, defineStore } = loadedIn({});
  const baton = connect();
  const stop = baton.store(defineStore<number>({ name: 'ui' })).subscribe(() => {});
  expect([baton.status.get(), baton.store(defineStore({ name: 'ui' })).get().ready]).toEqual([
    'connecting',
    false,
  ]);
  stop();
  baton.close();
});
