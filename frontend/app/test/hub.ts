/** A browser with a database and sockets of the test's making, for tests of what comes between the app and a hub. */

import { act } from '@testing-library/react';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { Sockets, welcome } from '../../client/test/hub.js';
import { open } from '../src/memory/kept.ts';
import { leavePlace } from '../src/memory/place.ts';

export { alice, driving, welcome } from '../../client/test/hub.js';

/** For what is waited for: as long as a slow machine takes. */
export const slowly = { timeout: 30_000 };

type Stores = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Gives each test a browser in which nothing is kept. Each tab has its own socket: there are no Web Locks here. */
export function browser(): { readonly sockets: Sockets } {
  const made = { sockets: new Sockets() };
  beforeEach(() => {
    made.sockets = new Sockets();
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal(
      'WebSocket',
      class {
        constructor(url: string) {
          // biome-ignore lint/correctness/noConstructorReturn: a socket of the test's making
          return made.sockets.open(url);
        }
      },
    );
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    localStorage.clear();
    sessionStorage.clear();
    leavePlace();
  });
  return made;
}

/** The newest socket is welcomed. */
export async function welcomed(sockets: Sockets, more: object = {}): Promise<void> {
  await vi.waitFor(() => expect(sockets.last.state).toBe('opening'), slowly);
  await act(async () => {
    sockets.last.open();
    sockets.last.push(welcome(more));
  });
}

/** What was asked to be joined is answered. */
export async function joined(sockets: Sockets, stores: Stores = {}): Promise<void> {
  await act(async () => {
    for (const { id, type, channel = '' } of sockets.last.taken()) {
      if (type !== 'join') continue;
      const values = Object.entries(stores[channel] ?? {}).map(([key, value]) => [
        key,
        { value, position: 1 },
      ]);
      const head = { type: 'joined', id, channel, cursor: 'e1-9', mode: 'snapshot' };
      sockets.last.push({ ...head, values: Object.fromEntries(values) });
    }
  });
}

/** A page of alice sees these stores, and is gone. */
export async function seen(sockets: Sockets, stores: Stores, more: object = {}): Promise<void> {
  const { baton } = open('s1', { user: 'alice', space: 'demo' });
  for (const name of Object.keys(stores))
    baton.store({ kind: 'store', name, live: false }).subscribe(() => undefined);
  await welcomed(sockets, more);
  await joined(sockets, stores);
  dispatchEvent(new Event('pagehide'));
  sockets.last.cut();
  baton.close();
}
