import { describe, expect, it, vi } from 'vitest';
import { defineLog, defineStore, type Status } from '../src/index.js';
import { alice, driving, vacant } from './hub.js';
import { answers, baton, chat, queue, snapshot, sockets, ui, up } from './page.js';

describe('the status', () => {
  it('is connecting, catching-up until the last join is answered, then live', async () => {
    const seen: Status[] = [];
    baton.status.subscribe(() => seen.push(baton.status.get()));
    baton.store(ui).subscribe(() => {});
    baton.log(chat).subscribe(() => {});
    expect(baton.status.get()).toBe('connecting');
    up();
    const joins = sockets.last.sent[0] ?? [];
    expect(joins.map((j) => j.channel)).toEqual(['ui', 'chat']);
    expect(sockets.last.url).toBe('wss://hub.example/api/v1/ws?client=page');
    sockets.last.push(snapshot('ui', joins[0]?.id));
    expect(seen).toEqual(['catching-up']);
    sockets.last.push(snapshot('chat', joins[1]?.id));
    expect(seen).toEqual(['catching-up', 'live']);
  });

  it('is live at once when nothing is joined, and stays it while something is joined later', async () => {
    up();
    expect(baton.status.get()).toBe('live');
    baton.store(ui).subscribe(() => {});
    await Promise.resolve();
    expect(sockets.last.taken().map((r) => r.type)).toEqual(['join']);
    expect(baton.status.get()).toBe('live');
  });

  it('is stale while the hub says so', () => {
    up();
    sockets.last.push({ type: 'stale', since: 'T' });
    expect(baton.status.get()).toBe('stale');
    sockets.last.push({ type: 'fresh' });
    expect(baton.status.get()).toBe('live');
  });

  it.each([
    [4401, 'signed-out'],
    [4409, 'replaced'],
    [4403, 'ended'],
    [4400, 'ended'],
  ])('after close code %i is %s, and the page does not come back', (code, status) => {
    up();
    sockets.last.push({ type: 'bye', code, reason: 'so it is', reconnect_after: 0 });
    sockets.last.cut(code);
    expect(baton.status.get()).toBe(status);
    expect(baton.ending.get()).toEqual({ code, reason: 'so it is' });
    vi.advanceTimersByTime(100_000);
    expect(sockets.all.length).toBe(1);
  });

  it('is signed-out when a socket is refused because nobody is signed in', async () => {
    answers(401);
    sockets.last.cut(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(baton.status.get()).toBe('signed-out');
  });

  it('stays connecting when a socket fails for another reason', async () => {
    sockets.last.cut(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(baton.status.get()).toBe('connecting');
  });

  it('is signed-out when the cookie is another user by now, whose writes these are not', async () => {
    up();
    sockets.last.cut();
    const write = baton.store(ui).set('k', 1);
    vi.advanceTimersByTime(500);
    up({ you: { ...alice, user: 'bob', name: 'Bob Chen' } });
    expect(baton.status.get()).toBe('signed-out');
    await expect(write).rejects.toMatchObject({ code: 'signed_out' });
    expect(sockets.last.taken()).toEqual([]);
  });
});

describe('a message', () => {
  it('is applied whole before anybody is told, and each is told once', () => {
    const told: string[] = [];
    const store = baton.store(ui);
    store.subscribe(() => told.push(`ui ${store.get().values.get('k')} ${baton.control.get().term}`));
    baton.control.subscribe(() =>
      told.push(`control ${store.get().values.get('k')} ${baton.control.get().term}`),
    );
    up();
    const [join] = sockets.last.taken();
    sockets.last.push(snapshot('ui', join?.id));
    told.length = 0;
    const change = (value: number) => ({
      type: 'change',
      channel: 'ui',
      position: 7,
      cursor: 'e1-7',
      at: 'T',
      set: { k: value },
    });
    sockets.last.push(change(1), { type: 'control', ...driving(3) }, change(2));
    expect(told).toEqual(['ui 2 3', 'control 2 3']);
  });

  it('with frames that this client does not know is applied without them', () => {
    up();
    sockets.last.push({ type: 'invention', x: 1 }, { type: 'stale', since: 'T', more: 1 });
    expect(baton.status.get()).toBe('stale');
  });

  it('reaches all listeners though one of them fails', () => {
    const told: string[] = [];
    const failed = vi.fn();
    vi.stubGlobal('queueMicrotask', failed);
    baton.status.subscribe(() => {
      throw new Error('a listener failed');
    });
    baton.status.subscribe(() => told.push('told'));
    up();
    expect(told).toEqual(['told']);
    expect(failed).toHaveBeenCalled();
  });
});

describe('a store', () => {
  it('is joined while somebody listens, left 10 s after the last has gone, and shows nothing then', async () => {
    up();
    const stop = baton.store(ui).subscribe(() => {});
    const stop2 = baton.store(ui).subscribe(() => {});
    await Promise.resolve();
    const [join, ...more] = sockets.last.taken();
    expect(more).toEqual([]);
    sockets.last.push(
      snapshot('ui', join?.id, { values: { k: { value: 1, position: 4, by: 'bob', at: 'T' } } }),
    );
    stop();
    stop2();
    vi.advanceTimersByTime(9_999);
    baton.store(ui).subscribe(() => {})();
    vi.advanceTimersByTime(9_999);
    expect(sockets.last.taken()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sockets.last.taken().map((r) => r.type)).toEqual(['leave']);
    expect(baton.store(ui).get()).toEqual({ ready: false, values: new Map(), keys: new Map() });
  });

  it('that cannot be had says why', async () => {
    up();
    const secret = baton.store(defineStore({ name: 'secret' }));
    secret.subscribe(() => {});
    await Promise.resolve();
    const [join] = sockets.last.taken();
    sockets.last.push({ type: 'error', id: join?.id, code: 'unknown_name', detail: 'no such channel' });
    expect(secret.get()).toMatchObject({
      ready: false,
      refused: { code: 'unknown_name', detail: 'no such channel' },
    });
  });

  it('is asked for again when the hub cannot answer now', async () => {
    baton.store(ui).subscribe(() => {});
    up();
    const [join] = sockets.last.taken();
    sockets.last.push({ type: 'error', id: join?.id, code: 'unavailable', detail: 'later' });
    expect(baton.status.get()).toBe('catching-up');
    vi.advanceTimersByTime(1000);
    const [again] = sockets.last.taken();
    expect(again).toMatchObject({ type: 'join', channel: 'ui' });
    sockets.last.push(snapshot('ui', again?.id));
    expect(baton.status.get()).toBe('live');
  });

  it('keeps a write that is answered during the join until the join is', async () => {
    up();
    const store = baton.store(ui);
    store.set('k', 1).catch(() => {});
    const [write] = sockets.last.taken();
    store.subscribe(() => {});
    await Promise.resolve();
    const [join] = sockets.last.taken();
    sockets.last.push({ type: 'written', id: write?.id, position: 5, cursor: 'e1-5' });
    expect(store.get().values.get('k')).toBe(1);
    sockets.last.push(
      snapshot('ui', join?.id, { values: { k: { value: 2, position: 6, by: 'bob', at: 'T' } } }),
    );
    expect(store.get().values.get('k')).toBe(2);
    expect(store.get().keys.get('k')?.saving).toBe(false);
  });

  it('rolls a refused write back, says why, and forgets it on the next write or when told', async () => {
    baton.store(ui).subscribe(() => {});
    up();
    const [join] = sockets.last.taken();
    const store = baton.store(ui);
    sockets.last.push(
      snapshot('ui', join?.id, { values: { k: { value: 1, position: 4, by: 'bob', at: 'T' } } }),
    );
    const write = store.set('k', 2, { if: 3 });
    expect(store.get().values.get('k')).toBe(2);
    const [sent] = sockets.last.taken();
    expect(sent).toMatchObject({ set: { k: 2 }, if: { k: 3 } });
    const current = { k: { value: 1, position: 4, by: 'bob', at: 'T' } };
    sockets.last.push({ type: 'error', id: sent?.id, code: 'conflict', detail: 'it has changed', current });
    expect(store.get().values.get('k')).toBe(1);
    expect(store.get().keys.get('k')?.refused).toEqual({ code: 'conflict', detail: 'it has changed' });
    await expect(write).rejects.toMatchObject({ code: 'conflict', detail: 'it has changed', current });
    store.dismiss('k');
    expect(store.get().keys.get('k')?.refused).toBeUndefined();
  });

  it.each(['unknown', 'unavailable'])('says of a write that it is sent again after the answer %s', (code) => {
    up();
    baton.store(ui).set('k', 1);
    const [first] = sockets.last.taken();
    expect(first).not.toHaveProperty('again');
    sockets.last.push({ type: 'error', id: first?.id, code, detail: 'later' });
    vi.advanceTimersByTime(500);
    expect(sockets.last.taken()).toEqual([{ ...first, again: true }]);
  });

  it('ends a write whose outcome the hub has forgotten, instead of sending it for ever', async () => {
    up();
    const lost = baton.store(ui).set('theme', 1);
    const [sent] = sockets.last.taken();
    const refused = { code: 'unknown', detail: 'It is too old.', more: { forgotten: true } };
    sockets.last.push({ type: 'error', id: sent?.id, ...refused });
    await expect(lost).rejects.toMatchObject(refused);
    expect(baton.store(ui).get().keys.get('theme')?.refused?.code).toBe('unknown');
    vi.advanceTimersByTime(60_000);
    expect(sockets.last.taken().filter(({ type }) => type === 'write')).toEqual([]);
  });

  it('shows what the hub will read, whatever becomes of the object that was given', () => {
    up();
    const value = { at: new Date(0), list: [1] };
    const store = baton.store(defineStore<unknown>({ name: 'ui' }));
    store.set('k', value).catch(() => {});
    value.list.push(2);
    expect(store.get().values.get('k')).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [1] });
  });

  it('gives the same snapshot until something changes, and the same values after a reconnect', () => {
    const store = baton.store(defineStore<object>({ name: 'ui' }));
    store.subscribe(() => {});
    up();
    const values = { k: { value: { a: 1 }, position: 4, by: 'bob', at: 'T' } };
    sockets.last.push(snapshot('ui', sockets.last.taken()[0]?.id, { values }));
    const before = store.get();
    expect(store.get()).toBe(before);
    sockets.last.push({ type: 'presence', members: [] });
    expect(store.get()).toBe(before);
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up();
    sockets.last.push(snapshot('ui', sockets.last.taken()[0]?.id, { values }));
    expect(store.get().values.get('k')).toBe(before.values.get('k'));
  });

  it('tells that the login session is about to end for want of input, until it is not', () => {
    const warn = (frame: object) => sockets.last.push({ type: 'idle', ...frame });
    up();
    expect(baton.idle.get()).toBe(null);
    warn({ remaining_ms: 60_000 });
    expect(baton.idle.get()).toEqual({ until: performance.now() + 60_000 });
    warn({});
    expect(baton.idle.get()).toBe(null);
    warn({ remaining_ms: 60_000 });
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up();
    expect(baton.idle.get(), 'a new connection is told again').toBe(null);
  });

  it.each([
    ['too large', 'too_large', 'x'.repeat(70_000)],
    ['no JSON', 'invalid', 1n],
  ])('that is %s is refused where it is shown too, and rolled back', async (_what, code, value) => {
    up();
    const any = defineStore<unknown>({ name: 'any' });
    const view = () => baton.store(any).get();
    let told = 0;
    baton.store(any).subscribe(() => told++);
    baton.store(any).set('a', value);
    expect([view().values.has('a'), view().keys.get('a')?.refused?.code, told]).toEqual([false, code, 1]);
    await expect(
      baton.transact((t) => {
        t.write(any, { set: { b: 1 } });
        t.write(any, { set: { c: value } });
      }),
    ).rejects.toMatchObject({ code });
    expect([...view().keys.keys()]).toEqual(['a', 'b', 'c']);
    expect(sockets.last.taken().filter(({ type }) => type !== 'join')).toEqual([]);
    baton.store(any).set('a', 1);
    expect(view().keys.get('a')?.refused).toBeUndefined();
  });

  it('refuses by itself what is too large for the hub, instead of losing the connection to it', async () => {
    up();
    const big = baton.store(defineStore<string>({ name: 'ui' })).set('k', 'ä'.repeat(33_000));
    await expect(big).rejects.toMatchObject({ code: 'too_large' });
    expect(sockets.last.taken()).toEqual([]);
  });

  it('cannot be a log as well', () => {
    baton.store(ui);
    expect(() => baton.log(defineLog({ name: 'ui' })).get()).toThrow(/store/);
  });
});

describe('the term', () => {
  it('goes with what only the operator may do: the one that was seen when acting, also when sent again', () => {
    up({ control: driving(4) });
    expect(baton.control.get().mine).toBe(true);
    baton
      .store(queue)
      .set('k', 1)
      .catch(() => {});
    baton
      .store(ui)
      .set('k', 1)
      .catch(() => {});
    const [operators, own] = sockets.last.taken();
    expect([operators?.term, own?.term]).toEqual([4, undefined]);
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up({ control: vacant({ term: 5 }) });
    expect(sockets.last.taken()[0]?.term).toBe(4);
  });

  it("of a lost operator has an end by the page's own clock", () => {
    up();
    vi.advanceTimersByTime(1_000);
    sockets.last.push({ type: 'control', ...driving(4), lost: { remaining_ms: 21_000 } });
    expect(baton.control.get().lost?.until).toBe(performance.now() + 21_000);
  });
});

describe('a log', () => {
  const message = (position: number, data: string) => ({ position, at: 'T', by: 'bob', data });

  it('appends, numbers what shares a position, keeps as many as the hub, and says where some are missing', async () => {
    const log = baton.log(chat);
    log.subscribe(() => {});
    up();
    const [join] = sockets.last.taken();
    sockets.last.push(snapshot('chat', join?.id, { messages: [message(3, 'a'), message(3, 'b')] }));
    expect(log.get().messages.map((m) => [m.position, m.n, m.data])).toEqual([
      [3, 0, 'a'],
      [3, 1, 'b'],
    ]);
    const appended = log.append('c');
    const [sent] = sockets.last.taken();
    sockets.last.push(
      { type: 'message', channel: 'chat', cursor: 'e1-4', ...message(4, 'c') },
      { type: 'appended', id: sent?.id, position: 4, cursor: 'e1-4' },
    );
    await appended;
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up();
    const [again] = sockets.last.taken();
    expect(again?.cursor).toBe('e1-4');
    const delta = { ...snapshot('chat', again?.id), mode: 'delta' };
    sockets.last.push({ ...delta, messages: [message(4, 'c'), message(5, 'd'), message(6, 'e')] });
    expect(log.get()).toMatchObject({ ready: true, gap: false });
    expect(log.get().messages.map((m) => m.data)).toEqual(['b', 'c', 'd', 'e']);
    sockets.last.push({ ...delta, id: undefined, messages: [message(20, 'x')], gap: true });
    expect(log.get()).toMatchObject({ gap: true, messages: [{ data: 'x' }] });
  });

  it('is joined with as much history as is wanted, and after a reconnect with all that was missed', () => {
    const log = baton.log(defineLog<string>({ name: 'chat', last: 2 }));
    log.subscribe(() => {});
    up();
    const [join] = sockets.last.taken();
    expect(join).toEqual({ type: 'join', id: join?.id, channel: 'chat', last: 2 });
    sockets.last.push(snapshot('chat', join?.id, { reason: 'new', messages: [message(3, 'a')] }));
    expect(log.get()).toMatchObject({ reason: 'new', messages: [{ data: 'a' }] });
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up();
    const [again] = sockets.last.taken();
    expect(again).toEqual({ type: 'join', id: again?.id, channel: 'chat', cursor: 'e1-5' });
  });
});
