import { describe, expect, it, vi } from 'vitest';
import { welcome } from './hub.js';
import { baton, snapshot, sockets, ui, up } from './page.js';

describe('when the node is leaving', () => {
  const leaving = { type: 'leaving', within_ms: 5000 };

  async function joined() {
    up();
    baton.store(ui).subscribe(() => {});
    await Promise.resolve();
    const [join] = sockets.last.taken();
    sockets.last.push(snapshot('ui', join?.id, { values: { a: { value: 1 } } }));
    return sockets.last;
  }

  it('the page goes over to the next socket, from its cursor, before the old one ends, and stays live', async () => {
    const old = await joined();
    const seen: string[] = [];
    baton.status.subscribe(() => seen.push(baton.status.get()));
    const saved = baton.store(ui).set('b', 2);
    const [asked] = old.taken();
    old.push(leaving);
    const next = sockets.last;
    expect(next, 'it opens the next').not.toBe(old);
    next.open();
    old.push({ type: 'change', channel: 'ui', position: 6, cursor: 'e1-6', set: { c: 3 } });
    expect(baton.store(ui).get().values.get('c'), 'the old one counts until the welcome').toBe(3);
    const late = baton.store(ui).set('d', 4);
    expect(old.taken(), 'and takes requests').toMatchObject([{ set: { d: 4 } }]);

    next.push(welcome({ conn: 'c2', node: 'n2' }));
    const again = next.taken();
    expect(again).toMatchObject([
      { type: 'join', channel: 'ui', cursor: 'e1-6' },
      { type: 'write', op: asked?.op, set: { b: 2 } },
      { type: 'write', set: { d: 4 } },
    ]);
    expect(old.state).toBe('closed');
    next.push(
      snapshot('ui', again[0]?.id, {
        cursor: 'e1-8',
        mode: 'delta',
        values: { b: { value: 2 }, d: { value: 4 } },
      }),
      { type: 'written', id: again[1]?.id, position: 7, cursor: 'e1-7' },
      { type: 'written', id: again[2]?.id, position: 8, cursor: 'e1-8' },
    );
    await Promise.all([saved, late]);
    expect(baton.store(ui).get().values).toEqual(new Map(Object.entries({ a: 1, b: 2, c: 3, d: 4 })));
    expect(seen, 'nobody has seen it').toEqual([]);
    vi.advanceTimersByTime(19_000);
    expect(sockets.all.length).toBe(2);
  });

  it('the page stays where it is while no next socket comes about, and tries again', async () => {
    const old = await joined();
    old.push(leaving);
    for (const seconds of [0.5, 1, 2]) {
      const before = sockets.all.length;
      sockets.last.cut();
      expect(baton.status.get()).toBe('live');
      vi.advanceTimersByTime(seconds * 1000 - 1);
      expect(sockets.all.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(sockets.all.length).toBe(before + 1);
    }
    void baton.store(ui).set('b', 2);
    expect(old.taken(), 'the old one works').toMatchObject([{ set: { b: 2 } }]);
    old.push({ type: 'bye', code: 1012, reason: 'this node is leaving', reconnect_after: 100 });
    old.cut(1012);
    expect(baton.status.get(), 'until it ends').toBe('connecting');
    const next = sockets.last;
    vi.advanceTimersByTime(5000);
    expect(sockets.last, 'the one that is being made is the next').toBe(next);
    next.open();
    next.push(welcome({ conn: 'c2' }));
    expect(next.taken().map((r) => r.type)).toEqual(['join', 'write']);
  });
});

describe('after close', () => {
  it('nothing is sent and everything that waits ends', async () => {
    up();
    const write = baton.store(ui).set('k', 1);
    baton.close();
    await expect(write).rejects.toMatchObject({ code: 'closed' });
    await expect(baton.store(ui).set('k', 1)).rejects.toMatchObject({ code: 'closed' });
    expect(baton.store(ui).get().keys.get('k')?.refused?.code).toBe('closed');
    expect(baton.status.get()).toBe('ended');
    expect(sockets.last.state).toBe('closed');
  });
});
