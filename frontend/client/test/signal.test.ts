import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Baton, connect, defineSignal, defineStore } from '../src/index.js';
import { Sockets, welcome } from './hub.js';

const pointers = defineSignal<{ x: number }>({ name: 'pointers', life: 3_000 });

let sockets: Sockets;
let baton: Baton;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = new Sockets();
  baton = connect({ url: 'http://hub', client: 'page', open: sockets.open });
});

afterEach(() => {
  baton.close();
  expect(vi.getTimerCount(), 'no timer is left after close').toBe(0);
  vi.useRealTimers();
});

function up(): void {
  sockets.last.open();
  sockets.last.push(welcome());
}

function joined(): void {
  const [join] = sockets.last.taken();
  expect(join).toEqual({ type: 'join', id: join?.id, channel: 'pointers' });
  sockets.last.push({ type: 'joined', id: join?.id, channel: 'pointers', cursor: 'e1-5', mode: 'snapshot' });
}

const from = (client: string, x: number) => ({
  type: 'signal',
  channel: 'pointers',
  from: client,
  by: client.slice(0, -1),
  data: { x },
});

describe('a signal', () => {
  it('shows the latest of each sender, until they have been silent for its life', () => {
    const signal = baton.signal(pointers);
    let told = 0;
    signal.subscribe(() => told++);
    expect(signal.get()).toEqual({ ready: false, latest: new Map() });
    up();
    joined();
    sockets.last.push(from('bob1', 1), from('carol1', 5));
    vi.advanceTimersByTime(2_000);
    sockets.last.push(from('bob1', 2));
    expect(signal.get().latest).toEqual(
      new Map([
        ['bob1', { by: 'bob', data: { x: 2 } }],
        ['carol1', { by: 'carol', data: { x: 5 } }],
      ]),
    );
    const before = told;
    vi.advanceTimersByTime(1_000);
    expect([...signal.get().latest.keys()]).toEqual(['bob1']);
    expect(told).toBe(before + 1);
    vi.advanceTimersByTime(2_000);
    expect(signal.get()).toEqual({ ready: true, latest: new Map() });
  });

  it('is sent at once, then at the pace of animations, the newest of what came in between', () => {
    up();
    const { send } = baton.signal(pointers);
    for (const x of [1, 2, 3]) send({ x });
    const sent = () =>
      sockets.last.taken().map(({ type, channel, ...r }) => [type, channel, 'data' in r && r.data]);
    expect(sent()).toEqual([['send', 'pointers', { x: 1 }]]);
    vi.advanceTimersByTime(15);
    expect(sent()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent()).toEqual([['send', 'pointers', { x: 3 }]]);
    vi.advanceTimersByTime(16);
    send({ x: 4 });
    expect(sent()).toEqual([['send', 'pointers', { x: 4 }]]);
  });

  it('is not kept for later when there is no connection', () => {
    baton.signal(pointers).send({ x: 1 });
    up();
    vi.advanceTimersByTime(100);
    expect(sockets.last.taken()).toEqual([]);
  });

  it('says that it was refused, and is joined all the same', () => {
    const signal = baton.signal(pointers);
    signal.subscribe(() => {});
    up();
    joined();
    signal.send({ x: 1 });
    const [sent] = sockets.last.taken();
    sockets.last.push({ type: 'error', id: sent?.id, code: 'forbidden', detail: 'pointers are for staff' });
    expect(signal.get().refused).toEqual({ code: 'forbidden', detail: 'pointers are for staff' });
    sockets.last.push(from('bob1', 1));
    expect(signal.get().latest.size).toBe(1);
  });

  it('forgets what it had when nobody looks any more', () => {
    const signal = baton.signal(pointers);
    const leave = signal.subscribe(() => {});
    up();
    joined();
    sockets.last.push(from('bob1', 1));
    leave();
    vi.advanceTimersByTime(2_000);
    expect(signal.get().latest.size).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(signal.get()).toEqual({ ready: false, latest: new Map() });
    expect(sockets.last.taken()).toMatchObject([{ type: 'leave', channel: 'pointers' }]);
  });

  it('cannot be a store as well', () => {
    baton.signal(pointers);
    expect(() => baton.store(defineStore({ name: 'pointers' })).get()).toThrow(/signal/);
  });
});
