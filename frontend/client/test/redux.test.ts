import { configureStore, createSlice, type PayloadAction } from '@reduxjs/toolkit';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { defineStore } from '../src/index.js';
import { keepSlice, type Slice, withStore } from '../src/redux.js';
import type { Request } from './hub.js';
import { baton, snapshot, sockets, up } from './page.js';

interface Task {
  images: number;
  note?: string | null;
  detector?: { distance: number; gain: number };
}

const ui = defineStore<Task>({ name: 'ui' });
const tasks = createSlice({
  name: 'tasks',
  initialState: {} as Record<string, Task>,
  reducers: {
    put: (state, { payload: [key, task] }: PayloadAction<[string, Task]>) => {
      state[key] = task;
    },
    images: (state, { payload: [key, images] }: PayloadAction<[string, number]>) => {
      const task = state[key];
      if (task) task.images = images;
    },
    gain: (state, { payload: [key, gain] }: PayloadAction<[string, number]>) => {
      const task = state[key];
      if (task?.detector) task.detector.gain = gain;
    },
    note: (state, { payload: [key, note] }: PayloadAction<[string, string | null | undefined]>) => {
      const task = state[key];
      if (!task) return;
      if (note === undefined) delete task.note;
      else task.note = note;
    },
    remove: (state, { payload }: PayloadAction<string>) => {
      delete state[payload];
    },
  },
});
const { put, images, gain, note, remove } = tasks.actions;

type State = { readonly tasks: Slice<Task> };
let store: ReturnType<typeof make>;
let told: number;

function make() {
  const middleware = keepSlice(baton, ui, (state: State) => state.tasks);
  const made = configureStore({
    reducer: { tasks: withStore('ui', tasks.reducer) },
    middleware: (usual) => usual().concat(middleware),
  });
  return Object.assign(made, { stop: middleware.stop });
}

const now = () => store.getState().tasks;
const flush = () => vi.advanceTimersByTimeAsync(0);
const value = (task: Task, position: number) => ({ value: task, position, by: 'bob', at: 'T' });

beforeEach(async () => {
  store = make();
  told = 0;
  store.subscribe(() => told++);
  up();
  const [join] = sockets.last.taken();
  const values = {
    a: value({ images: 1, detector: { distance: 200, gain: 1 } }, 4),
    b: value({ images: 2 }, 5),
  };
  sockets.last.push(snapshot('ui', join?.id, { values }));
  await flush();
});

/** What has gone to the hub, which confirms it. */
function sent(): Omit<Request, 'id' | 'op' | 'type' | 'seen'> {
  const [request] = sockets.last.taken();
  if (!request) throw new Error('nothing was sent');
  const { id, op, type: _, seen: __, ...write } = request;
  sockets.last.push(
    { ...write, type: 'change', channel: 'ui', position: 9, cursor: 'e1-9', at: 'T', by: 'alice', op },
    { type: 'written', id, position: 9, cursor: 'e1-9' },
  );
  return write;
}

describe('a slice that is kept in a store', () => {
  it('is hydrated with what the hub has, in one action', () => {
    expect(now()).toEqual({ a: { images: 1, detector: { distance: 200, gain: 1 } }, b: { images: 2 } });
    expect(told).toBe(1);
  });

  it('takes in what others change, and leaves what they do not', async () => {
    const { b } = now();
    const change = { type: 'change', channel: 'ui', position: 8, cursor: 'e1-8', at: 'T', by: 'bob' };
    sockets.last.push({ ...change, patch: { a: { images: 7 } }, set: { c: { images: 3 } } });
    expect(now().a).toEqual({ images: 7, detector: { distance: 200, gain: 1 } });
    expect(now().b).toBe(b);
    sockets.last.push({ ...change, position: 9, delete: ['a'] });
    expect(Object.keys(now()).sort()).toEqual(['b', 'c']);
    expect(sockets.last.taken()).toEqual([]);
  });

  it.each([
    ['a member', images(['a', 5]), { patch: { a: { images: 5 } } }],
    ['a member of a member', gain(['a', 2]), { patch: { a: { detector: { gain: 2 } } } }],
    ['a new member', note(['b', 'x']), { patch: { b: { note: 'x' } } }],
    [
      'a member that is null, which no patch can say',
      note(['b', null]),
      { set: { b: { images: 2, note: null } } },
    ],
    ['a new key', put(['c', { images: 3 }]), { set: { c: { images: 3 } } }],
    ['a key that goes', remove('a'), { delete: ['a'] }],
  ])('sends %s that an action has changed, and nothing else', async (_what, action, expected) => {
    store.dispatch(action);
    const wished = now();
    expect(sent()).toEqual({ channel: 'ui', ...expected });
    await flush();
    expect(now()).toEqual(wished);
    expect(told).toBe(2); // by the action alone: what the hub says of it is no news
    expect(sockets.last.taken()).toEqual([]);
  });

  it('sends that a member is gone', async () => {
    store.dispatch(note(['b', 'x']));
    sent();
    store.dispatch(note(['b', undefined]));
    expect(sent()).toEqual({ channel: 'ui', patch: { b: { note: null } } });
    expect(now().b).toEqual({ images: 2 });
  });

  it('sends nothing for an action that changes nothing', () => {
    store.dispatch(images(['a', 1]));
    store.dispatch({ type: 'something else' });
    expect(sockets.last.taken()).toEqual([]);
  });

  it('is rolled back when the hub refuses', async () => {
    store.dispatch(images(['a', 5]));
    const [request] = sockets.last.taken();
    expect(now().a?.images).toBe(5);
    sockets.last.push({ type: 'error', id: request?.id, code: 'forbidden', detail: 'no' });
    await flush();
    expect(now().a?.images).toBe(1);
    expect(sockets.last.taken()).toEqual([]);
  });

  it('is kept no more after stop', async () => {
    store.stop();
    const change = { type: 'change', channel: 'ui', position: 8, cursor: 'e1-8', at: 'T', by: 'bob' };
    sockets.last.push({ ...change, set: { c: { images: 3 } } });
    await flush();
    expect(now().c).toBeUndefined();
  });

  it('that is too large to be sent is rolled back in the slice', async () => {
    store.dispatch(put(['big', { images: 1, note: 'x'.repeat(70_000) }]));
    await flush();
    expect(Object.keys(now())).toEqual(['a', 'b']);
    expect(baton.store(ui).get().keys.get('big')?.refused?.code).toBe('too_large');
  });
});
