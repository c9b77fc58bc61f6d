import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineCommand, defineLog, defineSignal, defineStore } from '../src/index.js';
import { withTabs } from '../src/tabs.js';
import { Browser, Room, type Tab } from './tabs.js';

const ui = defineStore<number>({ name: 'ui' });
const chat = defineLog<string>({ name: 'chat' });
const lastTwo = defineLog<string>({ name: 'chat', last: 2 });
const pointers = defineSignal<number>({ name: 'pointers' });
const abort = defineCommand({ name: 'abort' });

let browser: Browser;
let room: Room;
let tabs: Tab[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  browser = new Browser();
  room = new Room();
  tabs = [];
});

afterEach(() => {
  for (const tab of tabs) if (tab.state === 'running') tab.baton.close();
  expect(room.connections.filter(() => tabs.every(({ state }) => state === 'running'))).toEqual([]);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function open(count: number, more?: object): Promise<Tab[]> {
  const made = Array.from({ length: count }, () => browser.open(room, more));
  for (const { baton } of made) baton.store(ui).subscribe(() => {});
  tabs.push(...made);
  await settle();
  return made;
}

/** What needs no time has happened. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await vi.advanceTimersByTimeAsync(0);
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const words = () => tabs.map(({ baton }) => baton.status.get());
const values = () => tabs.map(({ baton }) => Object.fromEntries(baton.store(ui).get().values));

/** The outcome of a write, as it comes. */
function write(tab: Tab, set: Record<string, number>) {
  const outcome: { is: string } = { is: 'saving' };
  tab.baton
    .store(ui)
    .write({ set })
    .then(
      () => (outcome.is = 'saved'),
      (err: unknown) => (outcome.is = String(err)),
    );
  return outcome;
}

describe('ten tabs', () => {
  it('have one connection, on which each channel is joined once, and all see what there is', async () => {
    await open(3);
    room.other({ a: 1 });
    await open(7);
    expect(words()).toEqual(Array(10).fill('live'));
    expect(room.sockets.length).toBe(1);
    expect(room.asked.filter(({ type }) => type === 'join').length).toBe(1);
    room.other({ b: 2 });
    await settle();
    expect(values()).toEqual(Array(10).fill({ a: 1, b: 2 }));
  });

  it('write through it, each under its own operation ids, and each hears how its own ended', async () => {
    await open(10);
    const outcomes = tabs.map((tab, i) => write(tab, { [`k${i}`]: i }));
    await settle();
    expect(outcomes.map(({ is }) => is)).toEqual(Array(10).fill('saved'));
    const clients = new Set(room.asked.filter((r) => r.type === 'write').map((r) => r.op?.split('.')[0]));
    expect(clients.size).toBe(10);
    expect(values()).toEqual(Array(10).fill(Object.fromEntries(tabs.map((_, i) => [`k${i}`, i]))));
    const refused = tabs[3]?.baton.store(ui).set('k1', 5, { if: 0 });
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
  });

  it('leave a channel when the last of them does', async () => {
    const [first, second] = await open(2);
    const stops = [first, second].map((tab) => tab?.baton.log(chat).subscribe(() => {}));
    await settle();
    stops[0]?.();
    await pass(11_000);
    expect(room.asked.filter(({ type }) => type === 'leave')).toEqual([]);
    stops[1]?.();
    await pass(11_000);
    expect(room.asked.filter(({ type }) => type === 'leave').map(({ channel }) => channel)).toEqual(['chat']);
  });

  it('are told of everything that is so when they come late', async () => {
    await open(1);
    const member = { user: 'bob', name: 'Bob', roles: ['user'], connections: 1, sessions: ['s2'] };
    const seat = { term: 4, operator: { session: 's2', user: 'bob', name: 'Bob' }, since: 'T', requests: [] };
    room.push(
      { type: 'presence', members: [member] },
      { type: 'control', ...seat, lost: { remaining_ms: 20_000 } },
      { type: 'call', call: 'k1', command: 'abort', args: null, by: 'alice', term: 1, state: 'taken' },
      { type: 'idle', remaining_ms: 60_000 },
      { type: 'stale', since: 'T' },
    );
    await pass(5_000);
    const [late] = await open(1);
    const now = performance.now();
    expect(late?.baton.presence.get()).toEqual([member]);
    expect(late?.baton.control.get()).toMatchObject({ term: 4, lost: { until: now + 15_000 } });
    expect(late?.baton.calls.get()).toMatchObject([{ call: 'k1', state: 'taken' }]);
    expect(late?.baton.idle.get()).toEqual({ until: now + 55_000 });
    expect(late?.baton.status.get()).toBe('stale');
  });

  it('see the newest messages of a log, as many as each of them wants', async () => {
    for (const text of ['one', 'two', 'three']) room.say(text);
    const [few, all] = await open(2);
    few?.baton.log(lastTwo).subscribe(() => {});
    await settle();
    all?.baton.log(chat).subscribe(() => {});
    await settle();
    room.say('four');
    await settle();
    const seen = [few, all].map((tab) =>
      tab?.baton
        .log(chat)
        .get()
        .messages.map((m) => m.data),
    );
    expect(seen).toEqual([
      ['two', 'three', 'four'],
      ['one', 'two', 'three', 'four'],
    ]);
  });

  it('miss nothing of a log when another tab wants more of it', async () => {
    for (const text of ['one', 'two', 'three']) room.say(text);
    const [few, all] = await open(2);
    few?.baton.log(lastTwo).subscribe(() => {});
    await settle();
    room.line = 'held';
    room.say('four'); // which the hub had not sent yet when the log was joined again
    room.line = 'up';
    all?.baton.log(chat).subscribe(() => {});
    await settle();
    const seen = few?.baton
      .log(chat)
      .get()
      .messages.map((m) => m.data);
    expect(seen).toEqual(['two', 'three', 'four']);
  });

  it('see the signals of each other, but not their own', async () => {
    const [one, two] = await open(2);
    for (const tab of [one, two]) tab?.baton.signal(pointers).subscribe(() => {});
    await settle();
    one?.baton.signal(pointers).send(7);
    await settle();
    const seen = [one, two].map((tab) => [...(tab?.baton.signal(pointers).get().latest.values() ?? [])]);
    expect(seen).toEqual([[], [{ by: 'alice', data: 7 }]]);
    expect(room.asked.filter(({ type }) => type === 'send').length).toBe(1);
  });

  it('are of the login session that they are in: those of another one have another connection', async () => {
    await open(2);
    await open(2, { session: 's2' });
    expect(room.connections.length).toBe(2);
  });

  it.each([
    [200, '{"session":"s7"}', 'live'],
    [401, '{}', 'signed-out'],
  ])('ask the hub once who is signed in, if they are not told: it answers %i', async (status, body, word) => {
    const asked = vi.fn(() => Promise.resolve(new Response(body, { status })));
    for (let i = 0; i < 2; i++) {
      vi.stubGlobal('fetch', asked); // for the next tab: each has globals of its own
      await open(1, { session: undefined });
    }
    await settle();
    expect(words()).toEqual([word, word]);
    expect(asked).toHaveBeenCalledTimes(2);
    expect(room.connections.length).toBe(status === 200 ? 1 : 0);
  });

  it('have a connection each where there are no locks', async () => {
    const { open: direct } = withTabs({ open: room.open, session: 's1' });
    expect(direct).toBe(room.open);
  });

  it('have a connection each, from then on, where the browser refuses locks, as it does to a frame without storage', async () => {
    const request = vi.fn(() => Promise.reject(new DOMException('denied', 'SecurityError')));
    vi.spyOn(browser, 'locks').mockReturnValue({ request } as unknown as LockManager);
    await open(2);
    await pass(1);
    expect(words()).toEqual(['live', 'live']);
    expect([room.connections.length, request.mock.calls.length]).toEqual([2, 2]);
    room.connections[0]?.cut();
    await pass(31_000);
    expect(words()).toEqual(['live', 'live']);
    expect(request).toHaveBeenCalledTimes(2);
    for (const { baton } of tabs) baton.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('have a connection each where the browser refuses channels', async () => {
    browser.hears = 'nothing';
    await open(2);
    await pass(1);
    expect(words()).toEqual(['live', 'live']);
    expect(room.connections.length).toBe(2);
  });

  it('all end when the login session ends', async () => {
    await open(3);
    room.connections[0]?.cut(4401, 'signed out');
    await settle();
    expect(words()).toEqual(Array(3).fill('signed-out'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('all come back, over one socket, when the hub does', async () => {
    await open(4);
    room.line = 'down';
    room.connections[0]?.cut();
    await pass(20_000);
    expect(words()).toEqual(Array(4).fill('connecting'));
    const attempts = room.sockets.length;
    expect(attempts).toBeLessThan(25);
    const outcomes = tabs.map((tab, i) => write(tab, { [`k${i}`]: i }));
    room.line = 'up';
    await pass(31_000);
    expect(words()).toEqual(Array(4).fill('live'));
    expect(room.connections.length).toBe(1);
    expect(outcomes.map(({ is }) => is)).toEqual(Array(4).fill('saved'));
  });

  it('find out together that a connection is dead that says nothing', async () => {
    await open(3);
    room.line = 'deaf';
    await pass(30_500);
    expect(words()).not.toContain('live');
    room.line = 'up';
    await pass(31_000);
    expect(words()).toEqual(Array(3).fill('live'));
    expect(room.connections.length).toBe(1);
  });

  it('move to the next node together, without a moment between, when theirs is leaving', async () => {
    await open(3);
    const seen = new Set<string>();
    for (const { baton } of tabs) baton.status.subscribe(() => seen.add(baton.status.get()));
    room.push({ type: 'leaving', within_ms: 5_000 });
    await settle();
    expect(room.connections.length).toBe(1);
    expect(room.sockets.length).toBe(2);
    expect([...seen]).toEqual([]);
    const outcomes = tabs.map((tab, i) => write(tab, { [`k${i}`]: i }));
    await settle();
    expect(outcomes.map(({ is }) => is)).toEqual(Array(3).fill('saved'));
  });
});

describe('when the tab that has the connection goes', () => {
  const leader = () => {
    const found = browser.leader();
    if (!found) throw new Error('no tab leads');
    return found;
  };
  const others = () => tabs.filter((tab) => tab !== leader());

  it('left for another page: the others go on at once', async () => {
    const events = new EventTarget();
    const first = browser.open(room);
    tabs.push(first);
    first.baton.store(ui).subscribe(() => {});
    vi.stubGlobal('addEventListener', events.addEventListener.bind(events));
    await settle();
    vi.unstubAllGlobals();
    const [second] = await open(1);
    expect(leader()).toBe(first);
    events.dispatchEvent(new Event('pagehide'));
    await settle();
    expect(leader()).toBe(second);
    expect([second?.baton.status.get(), room.connections.length]).toEqual(['live', 1]);
  });

  it.each(['close', 'kill'] as const)(
    '%s: the others go on at once, and never stop being live',
    async (how) => {
      await open(10);
      const first = leader();
      const rest = others();
      const seen = new Set<string>();
      for (const { baton } of rest) baton.status.subscribe(() => seen.add(baton.status.get()));
      if (how === 'close') first.baton.close();
      else first.kill();
      room.other({ a: 1 });
      await settle();
      expect([...seen]).toEqual([]);
      expect(room.connections.length).toBe(1);
      expect(leader()).not.toBe(first);
      room.other({ b: 2 });
      await settle();
      for (const { baton } of rest)
        expect(Object.fromEntries(baton.store(ui).get().values)).toEqual({ a: 1, b: 2 });
    },
  );

  it.each(['taken by the hub', 'not taken'] as const)(
    'killed: a write that was %s and not answered is applied once, and its own tab hears of it',
    async (how) => {
      await open(3);
      room.line = how === 'not taken' ? 'deaf' : 'held';
      const [mine] = others();
      const outcome = write(mine as Tab, { a: 1 });
      await settle();
      expect(outcome.is).toBe('saving');
      leader().kill();
      room.line = 'up';
      await pass(3_000);
      expect(outcome.is).toBe('saved');
      expect(room.ui.entries.length).toBe(1);
      const writes = room.asked.filter(({ type }) => type === 'write');
      expect(writes.map(({ again }) => again)).toEqual(how === 'not taken' ? [true] : [undefined, true]);
    },
  );

  it('frozen: the others take over, each write is applied once, and every tab hears of its own', async () => {
    await open(3);
    const frozen = leader();
    const [mine] = others();
    room.line = 'held';
    const before = write(frozen, { a: 1 });
    await settle();
    frozen.freeze();
    room.line = 'up';
    const during = write(mine as Tab, { b: 2 });
    await pass(6_000);
    expect(during.is).toBe('saved');
    expect(leader()).not.toBe(frozen);
    room.other({ c: 3 });
    frozen.thaw();
    await pass(3_000);
    expect([before.is, during.is]).toEqual(['saved', 'saved']);
    expect(room.ui.entries.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c']);
    expect(room.connections.length).toBe(1);
    expect(values()).toEqual(Array(3).fill({ a: 1, b: 2, c: 3 }));
  });

  it('frozen: whenever that is, another goes on within five seconds', async () => {
    const took: number[] = [];
    for (let after = 10; after < 1_000; after += 110) {
      await open(3);
      await pass(3_000 + after);
      room.other({ z: after }); // the last that is heard of it
      await settle();
      leader().freeze();
      const begun = performance.now();
      const outcome = write(others()[0] as Tab, { a: after });
      while (outcome.is === 'saving') await pass(10);
      took.push(performance.now() - begun);
      for (const tab of tabs.splice(0)) tab.kill();
    }
    expect(Math.max(...took)).toBeLessThan(4_500); // and then there is the network
  });

  it('frozen: what it was told meanwhile is not done late', async () => {
    await open(2);
    const frozen = leader();
    const [mine] = others();
    frozen.freeze();
    const called = mine?.baton.call(abort).then(
      () => 'done',
      (err: { code: string }) => err.code,
    );
    await pass(6_000);
    expect(await called).toBe('done');
    frozen.thaw();
    await pass(3_000);
    expect(room.asked.filter(({ type }) => type === 'call').length).toBe(1);
  });

  it('a tab that was frozen, and is not the one with the connection, catches up', async () => {
    await open(3);
    const [still] = others();
    still?.freeze();
    room.other({ a: 1 });
    await pass(200_000);
    room.other({ b: 2 });
    still?.thaw();
    await pass(3_000);
    expect(values()).toEqual(Array(3).fill({ a: 1, b: 2 }));
    expect(room.connections.length).toBe(1);
  });
});
