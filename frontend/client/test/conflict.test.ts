import { beforeEach, expect, it, vi } from 'vitest';
import { change } from '../src/conflict.js';
import { defineStore, type Store } from '../src/index.js';
import type { Request } from './hub.js';
import { baton, snapshot, sockets, up } from './page.js';

interface Task {
  readonly images?: number;
  readonly note?: string;
}

let tasks: Store<Task>;

beforeEach(() => {
  tasks = baton.store(defineStore<Task>({ name: 'ui' }));
  tasks.subscribe(() => {});
  up();
  const value = (position: number) => ({ value: { images: 1 }, position, by: 'bob', at: 'T' });
  sockets.last.push(snapshot('ui', sockets.last.taken()[0]?.id, { values: { a: value(5) } }));
});

/** The page has sent one write; the hub says that the key is something else, or nothing, by now. */
function conflict(current: object | null): Request {
  const [sent] = sockets.last.taken();
  if (!sent) throw new Error('nothing was sent');
  sockets.last.push({
    type: 'error',
    id: sent.id,
    code: 'conflict',
    detail: 'changed',
    current: { a: current },
  });
  return sent;
}

const flush = () => vi.advanceTimersByTimeAsync(0);
const theirs = (position: number, value: Task) => ({ value, position, by: 'bob', at: 'T' });
const merge = (_base: Task | undefined, mine: Task, other: Task | undefined) => ({ ...other, ...mine });

it('writes on the condition of what was shown', async () => {
  const saved = change(tasks, 'a', { images: 2 }, { onConflict: merge });
  const [sent] = sockets.last.taken();
  expect(sent).toMatchObject({ set: { a: { images: 2 } }, if: { a: 5 } });
  sockets.last.push({ type: 'written', id: sent?.id, position: 6, cursor: 'e1-6' });
  expect(await saved).toEqual({ images: 2 });
});

it('gives base, mine and theirs to onConflict, and writes what that makes of them, as often as it takes', async () => {
  const onConflict = vi.fn(merge);
  const saved = change(tasks, 'a', { images: 2 }, { onConflict });
  conflict(theirs(7, { images: 1, note: 'x' }));
  await flush();
  expect(onConflict).toHaveBeenLastCalledWith({ images: 1 }, { images: 2 }, { images: 1, note: 'x' });
  expect(conflict(theirs(8, { images: 1, note: 'y' }))).toMatchObject({
    set: { a: { images: 2, note: 'x' } },
    if: { a: 7 },
  });
  await flush();
  expect(onConflict).toHaveBeenLastCalledWith(
    { images: 1, note: 'x' },
    { images: 2, note: 'x' },
    { images: 1, note: 'y' },
  );
  const [sent] = sockets.last.taken();
  expect(sent?.if).toEqual({ a: 8 });
  sockets.last.push({ type: 'written', id: sent?.id, position: 9, cursor: 'e1-9' });
  expect(await saved).toEqual({ images: 2, note: 'x' });
});

it('creates the key anew when it was deleted meanwhile', async () => {
  const saved = change(tasks, 'a', { images: 2 }, { onConflict: (_base, mine) => mine });
  conflict(null);
  await flush();
  const [sent] = sockets.last.taken();
  expect(sent?.if).toEqual({ a: 0 });
  sockets.last.push({ type: 'written', id: sent?.id, position: 9, cursor: 'e1-9' });
  expect(await saved).toEqual({ images: 2 });
});

it('rejects, and leaves theirs, when onConflict gives up', async () => {
  const saved = change(tasks, 'a', { images: 2 }, { onConflict: () => undefined });
  saved.catch(() => {});
  conflict(theirs(7, { note: 'x' }));
  await expect(saved).rejects.toMatchObject({ code: 'conflict' });
  expect(tasks.get().keys.get('a')?.refused).toBeUndefined();
  expect(sockets.last.taken()).toEqual([]);
});

it('rejects when somebody else is quicker each time, and for other refusals at once', async () => {
  const saved = change(tasks, 'a', { images: 2 }, { onConflict: merge });
  saved.catch(() => {});
  for (let i = 0; i < 10; i++) {
    conflict(theirs(7 + i, {}));
    await flush();
  }
  await expect(saved).rejects.toMatchObject({ code: 'conflict' });
  const refused = change(tasks, 'a', { images: 3 }, { onConflict: merge });
  refused.catch(() => {});
  const [sent] = sockets.last.taken();
  sockets.last.push({ type: 'error', id: sent?.id, code: 'forbidden', detail: 'no' });
  await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
});
