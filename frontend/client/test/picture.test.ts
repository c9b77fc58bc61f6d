import { configureStore } from '@reduxjs/toolkit';
import { describe, expect, it } from 'vitest';
import { defineStore } from '../src/index.js';
import { type PersistOptions, persist } from '../src/persist.js';
import { keepSlice, type Slice, withStore } from '../src/redux.js';
import { alice, driving, vacant } from './hub.js';
import {
  asked,
  hours,
  leap,
  motors,
  move,
  open,
  type Page,
  pass,
  room,
  said,
  settle,
  ui,
  values,
} from './kept.js';

describe('the picture', () => {
  /** A page has seen something, and is gone; the next one gets no answer. */
  async function reload(options?: PersistOptions): Promise<Page> {
    room.other({ a: 1 });
    room.say('hello');
    room.welcome = { channels: { ...channels }, ...room.welcome };
    const first = await open();
    room.push({ type: 'change', channel: 'motors', set: { omega: 90 }, by: 'service' });
    await pass(2_500);
    first.tab.kill();
    room.line = 'held';
    return open(options);
  }
  const channels = {
    ui: { kind: 'store', scope: 'user', write: ['owner'] },
    chat: { kind: 'log', write: ['member'] },
    motors: { kind: 'store', live: true },
  };

  it('is shown before the network answers, marked as restored, until it is confirmed', async () => {
    const page = await reload();
    expect(page.tab.baton.status.get()).toBe('connecting');
    const { ready, restored } = page.tab.baton.store(ui).get();
    expect([ready, values(page), said(page)]).toEqual([false, { a: 1 }, ['hello']]);
    expect(restored).toBeGreaterThan(Date.now() - 60_000);
    room.other({ a: 2 });
    room.line = 'up';
    await pass(31_000);
    expect(values(page)).toEqual({ a: 2 });
    expect(said(page)).toEqual(['hello']);
    expect(page.tab.baton.store(ui).get()).toMatchObject({ ready: true });
    expect(page.tab.baton.store(ui).get().restored).toBeUndefined();
  });

  it('is that of a Redux slice too, and is not taken for a change', async () => {
    const page = await reload();
    const middleware = keepSlice(page.tab.baton, ui, (state: { slice: Slice<number> }) => state.slice);
    const { getState } = configureStore({
      reducer: { slice: withStore('ui', (slice: Slice<number> = {}) => slice) },
      middleware: (usual) => usual().concat(middleware),
    });
    await settle();
    expect(getState().slice).toEqual({ a: 1 });
    room.other({ a: 2 });
    room.line = 'up';
    await pass(31_000);
    expect(getState().slice).toEqual({ a: 2 });
    expect(page.kept.waiting.get()).toBe(0);
    middleware.stop();
  });

  it('has nothing that lives: that is empty until it is real', async () => {
    const page = await reload();
    expect(page.tab.baton.store(motors).get().values.size).toBe(0);
    const undeclared = defineStore<number>({ name: 'motors' });
    expect(page.tab.baton.store(undeclared).get().values.size).toBe(0);
  });

  it('tells who was here last, until it is half a day old, or forgotten', { timeout: 30_000 }, async () => {
    (await reload()).tab.kill();
    const next = persist({ url: 'https://hub.example' });
    expect((await next.recall())?.welcome).toMatchObject({ conn: '', session: 's1', you: { user: 'alice' } });
    await leap(12 * hours);
    expect(await next.recall()).toBeUndefined();
    await open();
    await persist({ url: 'https://hub.example' }).forget('picture');
    expect(await next.recall()).toBeUndefined();
  });

  it('has of a value what the page wants to be kept', async () => {
    const part = (channel: string, value: unknown) => (channel === 'ui' ? Number(value) + 100 : value);
    room.other({ a: 1 });
    const first = await open({ part });
    await pass(2_500);
    first.tab.kill();
    room.line = 'held';
    expect(values(await open())).toEqual({ a: 101 });
  });

  it('is not that of a change which the hub has not confirmed', async () => {
    const first = await open();
    await first.tab.baton.store(ui).set('a', 1);
    room.line = 'deaf';
    first.tab.baton.store(ui).set('a', 2);
    await pass(2_500);
    await first.kept.dismiss();
    first.tab.kill();
    const next = await open();
    expect(values(next)).toEqual({ a: 1 });
  });

  it.each([
    ['somebody else', { you: { ...alice, user: 'bob', name: 'Bob' } }],
    ['the same person for another proposal', { you: { ...alice, proposal: 'mx-2' } }],
    ['another history', { epoch: 'e2' }],
    ['another space', { space: 'other' }],
  ])('goes, for good, when the hub says that this is %s', async (_who, told) => {
    const page = await reload();
    expect(values(page)).toEqual({ a: 1 });
    room.welcome = told;
    room.line = 'up';
    room.joins = 'waiting'; // or the hub's own answer would replace what is shown
    await pass(31_000);
    expect(page.tab.baton.welcome.get()).not.toBeNull();
    expect(values(page)).toEqual({});
    page.tab.kill();
    room.line = 'held';
    room.joins = 'answered';
    room.welcome = {};
    expect(values(await open())).toEqual({});
  });

  it('is not shown to somebody else where the page knows who is here', async () => {
    const page = await reload({ who: { user: 'bob', space: 'demo' } });
    expect(values(page)).toEqual({});
  });

  it.each(['signed out', 'replaced'])('is removed when the login session ends: %s', async (how) => {
    const page = await reload();
    room.line = 'up';
    await pass(31_000);
    room.connections[0]?.cut(how === 'replaced' ? 4409 : 4401, how);
    await settle();
    expect(page.tab.baton.status.get()).toMatch(/signed-out|replaced/);
    room.line = 'held';
    expect(values(await open())).toEqual({});
  });
});

describe('who was in control when the page was loaded again without the hub', () => {
  const queue = defineStore<number>({ name: 'queue' }); // the operator’s
  const written = () => asked('write').map(({ channel, term }) => [channel, term]);

  /** Alice loads a page that was in control under term 4, and no hub answers. */
  async function reloaded(control: object = driving(4)): Promise<Page> {
    room.welcome = { control };
    const first = await open();
    await pass(2_000); // it is kept
    first.tab.kill();
    room.line = 'down';
    return open();
  }

  it('goes on changing what the hub keeps, under the term that was seen', async () => {
    const next = await reloaded();
    expect(await next.kept.recall()).toMatchObject({ mine: true });
    expect(next.tab.baton.control.get(), 'and it is not said to be so').toMatchObject({
      term: 0,
      mine: false,
    });
    next.tab.baton.store(queue).set('a', 1);
    room.welcome = { control: driving(6) };
    room.line = 'up';
    await pass(10_000);
    next.tab.baton.store(queue).set('b', 2);
    await settle();
    expect(written(), 'the hub decides whether it still holds').toEqual([
      ['queue', 4],
      ['queue', 6],
    ]);
  });

  it('moves nothing under it', async () => {
    const next = await reloaded();
    next.tab.baton.call(move).catch(() => {});
    room.line = 'up';
    await pass(10_000);
    expect(asked('call').map(({ term }) => term)).toEqual([undefined]);
  });

  it('has no term if somebody else was', async () => {
    const bob = { session: 's2', user: 'bob', name: 'Bob' };
    const next = await reloaded(vacant({ term: 4, operator: bob }));
    expect(await next.kept.recall()).toMatchObject({ mine: false });
    next.tab.baton.store(queue).set('a', 1);
    room.line = 'up';
    await pass(10_000);
    expect(written()).toEqual([['queue', undefined]]);
  });
});
