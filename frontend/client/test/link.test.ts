import { describe, expect, it, vi } from 'vitest';
import { connect } from '../src/index.js';
import { alice, welcome } from './hub.js';
import { baton, chat, queue, snapshot, sockets, ui, up } from './page.js';

describe('the link', () => {
  it('comes back with full jitter from 0.5 to 30 seconds', () => {
    for (const seconds of [0.5, 1, 2, 4, 8, 16, 30, 30]) {
      const before = sockets.all.length;
      sockets.last.cut();
      vi.advanceTimersByTime(seconds * 1000 - 1);
      expect(sockets.all.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(sockets.all.length).toBe(before + 1);
    }
    up();
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    expect(sockets.all.length, 'after a welcome the first delay is short again').toBe(10);
  });

  it('comes back when the hub said', () => {
    up();
    sockets.last.push({ type: 'bye', code: 1012, reason: 'this node is leaving', reconnect_after: 1500 });
    sockets.last.cut(1012);
    vi.advanceTimersByTime(1499);
    expect(sockets.all.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(sockets.all.length).toBe(2);
  });

  it('pings every 20 s, and gives a socket up that is silent for 10 s after it', () => {
    up();
    vi.advanceTimersByTime(20_000);
    const [ping] = sockets.last.taken();
    expect(ping?.type).toBe('ping');
    sockets.last.push({ type: 'pong', id: ping?.id, cursor: 'e1-9' });
    vi.advanceTimersByTime(20_000);
    expect(sockets.last.taken().map((r) => r.type)).toEqual(['ping']);
    vi.advanceTimersByTime(9_999);
    expect(baton.status.get()).toBe('live');
    vi.advanceTimersByTime(1);
    expect(baton.status.get()).toBe('connecting');
    expect(sockets.all[0]?.state).toBe('closed');
  });

  it('gives a socket up that does not welcome within 10 s', () => {
    sockets.last.open();
    vi.advanceTimersByTime(10_000);
    vi.advanceTimersByTime(500);
    expect(sockets.all.length).toBe(2);
  });

  it('takes an error before the socket is open for its end: not all platforms tell of a close then', () => {
    sockets.last.onerror?.();
    vi.advanceTimersByTime(500);
    expect(sockets.all.length).toBe(2);
  });

  it('does not open anything where there are no sockets, as on a server that renders a page', () => {
    vi.stubGlobal('WebSocket', undefined);
    const rendered = connect({ url: 'http://hub' });
    const timers = vi.getTimerCount();
    rendered.store(ui).subscribe(() => {});
    expect(rendered.status.get()).toBe('connecting');
    expect(vi.getTimerCount()).toBe(timers);
    rendered.close();
  });

  it('says what is missing to who changes something where there are no sockets, as in Node 20', async () => {
    vi.stubGlobal('WebSocket', undefined);
    const program = connect({ url: 'http://hub' });
    const refused = { code: 'closed', detail: expect.stringContaining('no WebSocket here') };
    await expect(program.store(ui).set('theme', 1)).rejects.toMatchObject(refused);
    await expect(program.control.request()).rejects.toMatchObject(refused);
    program.close();
  });

  it('does not listen to a socket that it has given up', () => {
    up();
    vi.advanceTimersByTime(30_000);
    const old = sockets.all[0];
    if (old) old.state = 'open';
    old?.push({ type: 'stale', since: 'T' });
    old?.cut(4401);
    expect(baton.status.get()).toBe('connecting');
  });

  it('joins again on the same socket when it is welcomed again, and sends nothing twice', async () => {
    up();
    baton.store(ui).subscribe(() => {});
    await Promise.resolve();
    const [first] = sockets.last.taken();
    sockets.last.push(snapshot('ui', first?.id, { values: { a: { value: 1 } } }));
    const saved = baton.store(ui).set('b', 2);
    const [write] = sockets.last.taken();
    baton.log(chat).subscribe(() => {});
    await Promise.resolve();
    const [asked] = sockets.last.taken();

    sockets.last.push(welcome({ you: { ...alice, roles: ['user', 'staff'] } }));
    expect(baton.you.get()?.roles).toContain('staff');
    const again = sockets.last.taken();
    expect(again, 'the join and the write that are under way will be answered').toMatchObject([
      { type: 'join', channel: 'ui', cursor: 'e1-5' },
    ]);
    expect(baton.store(ui).get().values.get('a'), 'what was known is shown meanwhile').toBe(1);
    sockets.last.push({ type: 'change', channel: 'ui', position: 6, cursor: 'e1-6', set: { a: 7 } });
    expect(baton.store(ui).get().values.get('a'), 'nothing counts that is not joined').toBe(1);
    sockets.last.push(
      { type: 'written', id: write?.id, position: 6, cursor: 'e1-6' },
      snapshot('chat', asked?.id),
      snapshot('ui', again[0]?.id, { mode: 'delta', values: { a: { value: 7 }, b: { value: 2 } } }),
    );
    await saved;
    expect(baton.store(ui).get().values).toEqual(new Map(Object.entries({ a: 7, b: 2 })));
    expect(baton.status.get()).toBe('live');
    expect(sockets.all.length).toBe(1);

    sockets.last.push(welcome({ you: { ...alice, proposal: 'mx-9' } }));
    const joins = sockets.last.taken().map(({ channel, cursor }) => [channel, cursor]);
    expect(joins, 'what is held is of another proposal').toEqual([
      ['ui', undefined],
      ['chat', undefined],
    ]);
  });

  it('rejoins everything in one message with the cursors, then sends again what is unanswered', () => {
    baton.store(ui).subscribe(() => {});
    baton.store(queue).subscribe(() => {});
    up();
    const [first, second] = sockets.last.taken();
    sockets.last.push(snapshot('ui', first?.id), snapshot('queue', second?.id, { cursor: 'e1-6' }));
    sockets.last.push({
      type: 'change',
      channel: 'ui',
      position: 7,
      cursor: 'e1-7',
      at: 'T',
      set: { a: 1 },
      by: 'bob',
    });
    baton
      .store(ui)
      .set('k', 1)
      .catch(() => {});
    baton
      .store(ui)
      .set('l', 2)
      .catch(() => {});
    const before = sockets.last.taken();
    sockets.last.cut();
    expect(baton.store(ui).get().values.get('a'), 'the last values stay').toBe(1);
    vi.advanceTimersByTime(500);
    up();
    const [joins, ...again] = sockets.last.sent;
    expect(joins?.map((j) => [j.channel, j.cursor])).toEqual([
      ['ui', 'e1-7'],
      ['queue', 'e1-6'],
    ]);
    expect(again.flat()).toEqual(before.map((request) => ({ ...request, again: true })));
    expect(before.map((r) => r.op)).toEqual(['page.1', 'page.2']);
    expect(before[0]?.seen, 'decided at or after what the page has seen').toBe('e1-7');
  });
});
