import { readFileSync } from 'node:fs';
import { IDBObjectStore as FDBObjectStore } from 'fake-indexeddb';
import { describe, expect, it, vi } from 'vitest';
import { alice } from './hub.js';
import {
  asked,
  browserStorage,
  hours,
  leap,
  move,
  open,
  type Page,
  pass,
  room,
  settle,
  state,
  ui,
  values,
} from './kept.js';

describe('changes that the hub has not answered', () => {
  it('are sent, once and in order, by the next page load, hours later', async () => {
    const first = await open();
    room.line = 'down';
    room.connections[0]?.cut();
    await settle();
    for (const a of [1, 2, 3]) first.tab.baton.store(ui).set('a', a);
    first.tab.baton.store(ui).set('b', 4);
    await settle();
    expect(first.kept.waiting.get()).toBe(4);
    first.tab.kill();
    await leap(5 * hours);
    room.line = 'up';
    const next = await open();
    await pass(1);
    expect(values(next)).toEqual({ a: 3, b: 4 });
    expect(room.ui.entries.map(({ key, value }) => [key, value])).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 3],
      ['b', 4],
    ]);
    expect(next.kept.waiting.get()).toBe(0);
    next.tab.kill();
    await open();
    await pass(5_000);
    expect(asked('write').map(({ again }) => again)).toEqual(Array(4).fill(undefined));
  });

  it('are applied once if the hub had done them, and its answer did not arrive', async () => {
    const first = await open();
    room.line = 'held';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    expect(room.ui.entries.length).toBe(1);
    first.tab.kill();
    room.line = 'up';
    const next = await open();
    expect(asked('write').map(({ op }) => op)).toEqual(Array(2).fill(asked('write')[0]?.op));
    expect(room.ui.entries.length).toBe(1);
    expect([values(next), next.kept.waiting.get()]).toEqual([{ a: 1 }, 0]);
  });

  it('say when they may have been sent before, which is no part of what they are', async () => {
    const first = await open();
    room.answers = 'lost';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    first.tab.kill();
    const next = await open();
    const change = { type: 'write', channel: 'ui', set: { a: 1 } };
    expect(next.kept.changes.get().map((waiting) => waiting.change)).toEqual([change]);
    next.tab.kill();
    const last = await open();
    expect(last.kept.changes.get().map((waiting) => waiting.change)).toEqual([change]);
    expect(asked('write').map(({ again }) => again)).toEqual([undefined, true, true]);
  });

  it('show as saving, and go before what the next page does', async () => {
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    first.tab.kill();
    room.line = 'down';
    const next = await open();
    next.tab.baton.store(ui).set('a', 2);
    room.line = 'up';
    await pass(2_000);
    expect(room.ui.entries.map(({ value }) => value)).toEqual([1, 2]);
    expect(values(next)).toEqual({ a: 2 });
    room.line = 'deaf';
    next.tab.baton.store(ui).set('b', 3);
    await settle();
    next.tab.kill();
    room.line = 'up';
    const held = await open();
    room.line = 'deaf';
    expect(values(held)).toEqual({ a: 2, b: 3 });
    expect(state(held, 'b')?.saving).toBe(false);
  });

  it('show as saving in another page before the network answers, and are sent by none but the first while that is there', async () => {
    const who = { user: 'alice', space: 'demo' };
    const first = await open({ who });
    await first.tab.baton.store(ui).set('a', 1);
    await pass(2_500); // the picture is kept
    room.line = 'down';
    room.connections[0]?.cut();
    await settle();
    first.tab.baton.store(ui).set('a', 2);
    await settle();
    const next = await open({ who });
    expect([next.tab.baton.status.get(), values(next), state(next, 'a')?.saving]).toEqual([
      'connecting',
      { a: 2 },
      true,
    ]);
    expect(next.kept.changes.get()).toMatchObject([{ change: { type: 'write', set: { a: 2 } } }]);
    const bobs = await open({ who: { ...who, user: 'bob' } });
    expect([values(bobs), bobs.kept.changes.get()]).toEqual([{}, []]);
    bobs.tab.kill();
    room.line = 'up';
    await pass(31_000);
    expect(asked('write').map(({ set }) => set)).toEqual([{ a: 1 }, { a: 2 }]);
    for (const page of [first, next])
      expect([values(page), state(page, 'a')?.saving, page.kept.waiting.get()]).toEqual([{ a: 2 }, false, 0]);
  });

  it('that are refused then are rolled back, and told with the reason', async () => {
    const first = await open();
    await first.tab.baton.store(ui).set('a', 1);
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 2, { if: 1 });
    await settle();
    first.tab.kill();
    room.line = 'up';
    room.other({ a: 7 });
    const next = await open();
    await settle();
    expect(values(next)).toEqual({ a: 7 });
    expect(state(next, 'a')?.refused?.code).toBe('conflict');
    expect(next.kept.refused.get()).toMatchObject([
      { change: { type: 'write', channel: 'ui', set: { a: 2 } }, refused: { code: 'conflict' } },
    ]);
    next.kept.dismiss();
    expect(next.kept.refused.get()).toEqual([]);
    await pass(5_000);
    expect(asked('write').length).toBe(2);
  });

  it('that were shown before the network answered, and are refused then, are rolled back too', async () => {
    const who = { user: 'alice', space: 'demo' };
    const first = await open({ who });
    await first.tab.baton.store(ui).set('a', 1);
    room.line = 'down';
    room.connections[0]?.cut();
    await settle();
    first.tab.baton.store(ui).set('a', 2, { if: 1 });
    await settle();
    first.tab.kill();
    room.other({ a: 7 });
    const next = await open({ who });
    expect([values(next), state(next, 'a')?.saving]).toEqual([{ a: 2 }, true]);
    room.line = 'up';
    await pass(31_000);
    expect([values(next), state(next, 'a')?.saving]).toEqual([{ a: 7 }, false]);
    expect(next.kept.refused.get()).toMatchObject([{ refused: { code: 'conflict' } }]);
  });

  it('are taken up by another tab that is open when theirs is closed, and by none while it is there', async () => {
    const first = await open();
    const [second, third] = [await open(), await open()];
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await pass(3_000);
    room.line = 'up';
    expect([first, second, third].map(({ kept }) => kept.waiting.get())).toEqual([1, 0, 0]);
    first.tab.kill();
    await pass(5_000);
    expect(room.ui.entries.length).toBe(1);
    expect([values(second), values(third)]).toEqual([{ a: 1 }, { a: 1 }]);
    expect(asked('write').length).toBe(1);
  });

  it('are taken up by another tab while their page is left, and by none once it is come back to', async () => {
    const events = new EventTarget();
    vi.stubGlobal('addEventListener', events.addEventListener.bind(events));
    const first = await open();
    const second = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await pass(3_000);
    room.line = 'up';
    events.dispatchEvent(new Event('pagehide'));
    await pass(5_000);
    expect([asked('write').length, values(second)]).toEqual([1, { a: 1 }]);
    events.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    room.line = 'deaf';
    first.tab.baton.store(ui).set('b', 2);
    await pass(3_000);
    expect([first, second].map(({ kept }) => kept.waiting.get())).toEqual([2, 0]);
  });

  it('of somebody else, who may be in another tab with a ticket, are left to them', async () => {
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await pass(3_000);
    room.line = 'up';
    room.welcome = { you: { ...alice, user: 'bob', name: 'Bob' } };
    const bobs = await open({}, { session: 's2' });
    await pass(5_000);
    expect([bobs.kept.waiting.get(), asked('write').length]).toEqual([0, 0]);
    first.tab.kill();
    await pass(5_000);
    bobs.tab.kill();
    room.welcome = {};
    expect(values(await open())).toEqual({ a: 1 });
    expect(asked('write').length).toBe(1);
  });

  it('of somebody else who was here with the cookie are left alone while their page is there', async () => {
    vi.stubGlobal('location', { origin: 'https://hub.example' });
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await pass(3_000);
    room.line = 'up';
    room.welcome = { you: { ...alice, user: 'bob', name: 'Bob' } };
    vi.stubGlobal('location', { origin: 'https://hub.example' });
    const bobs = await open({}, { session: 's2' });
    await pass(5_000);
    bobs.tab.kill();
    first.tab.kill();
    room.welcome = {};
    expect(values(await open())).toEqual({ a: 1 });
  });

  it('of somebody else who was here with the cookie are never sent, and not kept', async () => {
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    first.tab.kill();
    room.line = 'up';
    room.welcome = { you: { ...alice, user: 'bob', name: 'Bob' } };
    vi.stubGlobal('location', { origin: 'https://hub.example' });
    const bobs = await open();
    await pass(5_000);
    bobs.tab.kill();
    room.welcome = {};
    await open();
    await pass(5_000);
    expect(asked('write')).toEqual([]);
  });

  it('are wanted for less long than the hub knows what was done', async () => {
    const source = readFileSync(new URL('../../../channels/ops.go', import.meta.url), 'utf8');
    const [, days] = /ForgetAfter = (\d+) \* 24 \* time\.Hour/.exec(source) ?? [];
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    first.tab.kill();
    await leap(Number(days) * 24 * hours - 12 * hours);
    room.line = 'up';
    const next = await open();
    await settle();
    expect(asked('write')).toEqual([]);
    expect(next.kept.waiting.get()).toBe(0);
  });

  it.each([
    ['never sent', 'withdrawn', 'nothing was done'],
    ['sent by the page that made it', 'unknown', 'Whether it was done is not known'],
    ['sent by it when it was connected again', 'unknown', 'Whether it was done is not known'],
    ['sent by a page that took it up', 'unknown', 'Whether it was done is not known'],
  ])('are not sent after two days, which is told: one that was %s, as %s', async (how, code, detail) => {
    let page = await open();
    room.line = how === 'sent by the page that made it' ? 'held' : 'down';
    if (room.line === 'down') room.connections[0]?.cut();
    await settle();
    page.tab.baton.store(ui).set('a', 1);
    await pass(1);
    if (how !== 'never sent') {
      if (how.endsWith('took it up')) page.tab.kill();
      room.line = 'up';
      room.answers = 'lost';
      if (page.tab.state === 'dead') page = await open();
      await pass(2_000);
      expect(room.ui.values.get('a')?.value).toBe(1);
    }
    page.tab.kill();
    await leap(49 * hours);
    room.line = 'up';
    const writes = asked('write').length;
    const next = await open();
    await settle();
    expect([asked('write').length, next.kept.waiting.get()]).toEqual([writes, 0]);
    expect(next.kept.refused.get()).toMatchObject([{ change: { set: { a: 1 } }, refused: { code } }]);
    expect(next.kept.refused.get()[0]?.refused.detail).toContain(detail);
    if (code === 'withdrawn') expect(state(next, 'a')?.refused?.code).toBe(code);
  });

  it('do not outlive a page if they are calls, which would come late', async () => {
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.call(move).catch(() => {});
    await settle();
    first.tab.kill();
    room.line = 'up';
    await open();
    await pass(5_000);
    expect(asked('call')).toEqual([]);
  });

  it('are removed by a page that forgets', async () => {
    const first = await open();
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 1);
    await settle();
    await first.kept.forget();
    first.tab.kill();
    room.line = 'up';
    await open();
    await pass(5_000);
    expect(asked('write')).toEqual([]);
  });
});

describe('a browser that', () => {
  const refuse = () => {
    throw new DOMException('denied', 'SecurityError');
  };
  /** What it has of the changes. */
  const inBrowser = async () => {
    const opening = browserStorage.indexedDB?.open('baton https://hub.example');
    return new Promise<unknown[]>((resolve) => {
      if (!opening) return;
      opening.onsuccess = () => {
        const all = opening.result.transaction('changes').objectStore('changes').getAll();
        all.onsuccess = () => {
          opening.result.close();
          resolve(all.result);
        };
      };
    });
  };
  /** Databases that are opened from now on. */
  function databases(): IDBDatabase[] {
    const opened: IDBDatabase[] = [];
    const factory = browserStorage.indexedDB as IDBFactory;
    const begin = factory.open.bind(factory);
    factory.open = (...what) => {
      const opening = begin(...what);
      opening.addEventListener('success', () => opened.push(opening.result as unknown as IDBDatabase));
      return opening;
    };
    return opened;
  }
  const kept = ({ kept: { changes } }: Page) => changes.get().map((change) => change.kept);

  it.each([
    ['has no database', () => delete browserStorage.indexedDB],
    ['refuses to open one', () => (browserStorage.indexedDB = { open: refuse } as unknown as IDBFactory)],
    [
      'does not even show that it has one',
      () => Object.defineProperty(globalThis, 'indexedDB', { get: refuse, configurable: true }),
    ],
  ])('%s keeps nothing, which is told, and all goes on', async (_how, break_) => {
    break_();
    const page = await open();
    await page.tab.baton.store(ui).set('a', 1);
    expect([values(page), page.kept.waiting.get(), page.kept.refused.get()]).toEqual([{ a: 1 }, 0, []]);
    room.line = 'deaf';
    page.tab.baton.store(ui).set('a', 2);
    await pass(5_000);
    expect([kept(page), page.kept.trouble.get()?.code]).toEqual([[false], 'storage']);
    await page.kept.forget();
    expect(await page.kept.recall()).toBeUndefined();
  });

  it.each(['with a word', 'without'])('closes the database %s is asked for it again', async (how) => {
    const opened = databases();
    const page = await open();
    room.line = 'deaf';
    page.tab.baton.store(ui).set('a', 1);
    await settle();
    opened[0]?.close();
    if (how === 'with a word') opened[0]?.onclose?.(new Event('close'));
    page.tab.baton.store(ui).set('a', 2);
    await pass(5_000);
    expect([opened.length, kept(page), page.kept.trouble.get()]).toEqual([2, [true, true], null]);
    expect(await inBrowser()).toMatchObject([{ body: { set: { a: 1 } } }, { body: { set: { a: 2 } } }]);
  });

  it('has its data removed by the user gets the changes that still wait again', async () => {
    const page = await open();
    room.line = 'deaf';
    page.tab.baton.store(ui).set('a', 1);
    await settle();
    const removing = browserStorage.indexedDB?.deleteDatabase('baton https://hub.example');
    const removed = new Promise((done) => removing?.addEventListener('success', done));
    await pass(1);
    await removed;
    await pass(3_000);
    expect([kept(page), (await inBrowser()).length]).toEqual([[true], 1]);
  });

  it('is full tells so, sends all the same, and keeps what still waits when it has place again', async () => {
    const page = await open();
    const told = new Set<unknown>();
    page.kept.trouble.subscribe(() => told.add(page.kept.trouble.get()?.code));
    const full = vi.spyOn(FDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('no place', 'QuotaExceededError');
    });
    await page.tab.baton.store(ui).set('a', 1);
    await settle();
    expect(page.kept.trouble.get()?.detail).toContain('no place');
    room.line = 'deaf';
    page.tab.baton.store(ui).set('a', 2);
    page.tab.baton.store(ui).set('b', 3);
    await pass(5_000);
    expect([values(page), kept(page)]).toEqual([{ a: 2, b: 3 }, [false, false]]);
    full.mockRestore();
    await pass(5_000);
    expect([kept(page), page.kept.trouble.get(), told]).toEqual([
      [true, true],
      null,
      new Set(['storage', undefined]),
    ]);
    page.tab.kill();
    room.line = 'up';
    expect(values(await open())).toEqual({ a: 2, b: 3 });
  });
});
