import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Baton, connect, defineCommand, defineLog, defineStore } from '../src/index.js';
import { driving, type Request, Sockets, welcome } from './hub.js';

const queue = defineStore<{ sample: string; images: number }>({ name: 'queue' });
const ui = defineStore<number>({ name: 'ui' });
const chat = defineLog<string>({ name: 'chat' });
const move = defineCommand<{ motor: string }, number>({ name: 'motor.move', deadline: 5_000 });
const abort = defineCommand({ name: 'abort' });

let sockets: Sockets;
let baton: Baton;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = new Sockets();
  baton = connect({ url: 'http://hub', client: 'page', open: sockets.open });
  baton.store(queue).subscribe(() => {});
  baton.store(ui).subscribe(() => {});
  up();
});

afterEach(() => {
  baton.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Opens the socket, and answers the joins: q1 has 10 images, and theme is 1. Returns the other requests. */
function up(): Request[] {
  sockets.last.open();
  sockets.last.push(welcome({ control: driving(4) }));
  const values: Record<string, object> = {
    queue: { q1: { value: { sample: '1:03', images: 10 }, position: 3, by: 'bob', at: 'T' } },
    ui: { theme: { value: 1, position: 4, by: 'alice', at: 'T' } },
  };
  const requests = sockets.last.taken();
  for (const { type, id, channel = '' } of requests) {
    const more = { mode: 'snapshot', cursor: 'e1-5', values: values[channel] };
    if (type === 'join') sockets.last.push({ type: 'joined', id, channel, ...more });
  }
  return requests.filter((r) => r.type !== 'join');
}

const shown = () => [
  baton.store(queue).get().values.get('q1')?.images,
  baton.store(ui).get().values.get('theme'),
];

function both(): Promise<void> {
  return baton.transact((t) => {
    t.write(queue, { patch: { q1: { images: 20 } }, if: { q1: 3 } });
    t.write(ui, { set: { theme: 2 } });
    t.append(chat, 'more images');
  });
}

describe('a transaction', () => {
  it('is one request, under the term that was seen, and shows at once', async () => {
    const seen: unknown[] = [];
    baton.store(queue).subscribe(() => seen.push(shown()));
    const saved = both();
    expect(sockets.last.taken()).toEqual([
      {
        type: 'transact',
        id: expect.any(Number),
        op: 'page.1',
        term: 4,
        writes: [
          { channel: 'queue', patch: { q1: { images: 20 } }, if: { q1: 3 } },
          { channel: 'ui', set: { theme: 2 } },
        ],
        appends: [{ channel: 'chat', data: 'more images' }],
        calls: [],
      },
    ]);
    expect(seen, 'both parts at the same time').toEqual([[20, 2]]);
    sockets.last.push({ type: 'written', id: 3, position: 6, cursor: 'e1-6' });
    await saved;
  });

  it('is saved when its changes come, of all stores', () => {
    both();
    const head = { type: 'change', position: 6, cursor: 'e1-6', at: 'T', by: 'alice', op: 'page.1' };
    sockets.last.push(
      { ...head, channel: 'queue', patch: { q1: { images: 20 } } },
      { ...head, channel: 'ui', set: { theme: 2 } },
    );
    const { keys } = baton.store(queue).get();
    expect([keys.get('q1')?.saving, baton.store(ui).get().keys.get('theme')?.saving]).toEqual([false, false]);
    expect(shown()).toEqual([20, 2]);
  });

  it('that is refused is rolled back as a whole, in one go, and says which part it was', async () => {
    const saved = both();
    const seen: unknown[] = [];
    baton.store(ui).subscribe(() => seen.push(shown()));
    const [{ id } = {}] = sockets.last.taken();
    const more = { part: 'writes/0', path: '/images', channel: 'queue', key: 'q1' };
    sockets.last.push({ type: 'error', id, code: 'schema', detail: '20 is more than 15', more });
    await expect(saved).rejects.toMatchObject({ code: 'schema', more });
    expect(seen).toEqual([[10, 1]]);
    const refused = { code: 'schema', detail: '20 is more than 15', path: '/images' };
    expect(baton.store(queue).get().keys.get('q1')?.refused).toEqual(refused);
    expect(baton.store(ui).get().keys.get('theme')?.refused).toEqual(refused);
  });

  it('is sent again after a reconnect, the same, and later changes of its keys wait for it', () => {
    both();
    const [first] = sockets.last.taken();
    baton.store(ui).set('theme', 3);
    expect(sockets.last.taken()).toEqual([]);
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    expect(up()).toEqual([{ ...first, again: true }]);
    expect(shown()).toEqual([20, 3]);
    sockets.last.push({ type: 'written', id: first?.id, position: 6, cursor: 'e1-6' });
    expect(sockets.last.taken()).toMatchObject([{ type: 'write', set: { theme: 3 } }]);
  });

  it('of one part is the plain request', () => {
    baton.transact((t) => t.write(ui, { set: { theme: 2 } }));
    expect(sockets.last.taken()).toMatchObject([{ type: 'write', channel: 'ui', set: { theme: 2 } }]);
  });

  it('gives its calls when it is saved', async () => {
    const calls: Promise<{ readonly id: string }>[] = [];
    const saved = baton.transact((t) => {
      t.write(ui, { set: { theme: 2 } });
      calls.push(t.call(move, { motor: 'omega' }), t.call(move, { motor: 'kappa' }));
    });
    const [sent] = sockets.last.taken();
    expect(sent).toMatchObject({
      calls: [
        { command: 'motor.move', args: { motor: 'omega' }, deadline_ms: 5_000 },
        { command: 'motor.move', args: { motor: 'kappa' }, deadline_ms: 5_000 },
      ],
    });
    sockets.last.push({ type: 'written', id: sent?.id, position: 6, cursor: 'e1-6', calls: ['k1', 'k1-2'] });
    await saved;
    expect((await Promise.all(calls)).map((c) => c.id)).toEqual(['k1', 'k1-2']);
    expect(baton.calls.get()).toMatchObject([
      { call: 'k1', args: { motor: 'omega' }, state: 'waiting', term: 4 },
      { call: 'k1-2', args: { motor: 'kappa' }, state: 'waiting', term: 4 },
    ]);
  });

  it('with a call that a stop was given after is taken back, if it has not been sent', async () => {
    sockets.last.cut();
    let called: Promise<unknown> = Promise.resolve();
    const saved = baton.transact((t) => {
      t.write(ui, { set: { theme: 2 } });
      called = t.call(move, { motor: 'omega' });
    });
    baton.call(abort).catch(() => {});
    await expect(saved).rejects.toMatchObject({ code: 'withdrawn' });
    await expect(called).rejects.toMatchObject({ code: 'withdrawn' });
    expect(shown()).toEqual([10, 1]);
  });
});
