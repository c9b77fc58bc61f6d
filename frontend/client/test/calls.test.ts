import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Baton, connect, defineCommand } from '../src/index.js';
import { driving, Sockets, welcome } from './hub.js';

const move = defineCommand<{ motor: string; position: number }, { position: number }>({ name: 'motor.move' });
const abort = defineCommand({ name: 'abort' });
const args = { motor: 'omega', position: 90 };

let sockets: Sockets;
let baton: Baton;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
  vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')));
  sockets = new Sockets();
  baton = connect({ url: 'http://hub', client: 'page', open: sockets.open });
  up();
});

afterEach(() => {
  baton.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function up(more: object = {}): void {
  sockets.last.open();
  sockets.last.push(welcome({ control: driving(4), ...more }));
}

const told = (state: string, more: object = {}) => ({
  type: 'call',
  call: 'k1',
  command: 'motor.move',
  args,
  by: 'alice',
  term: 4,
  state,
  cursor: 'e1-9',
  ...more,
});

async function accepted() {
  const call = baton.call(move, args);
  const [sent] = sockets.last.taken();
  expect(sent).toMatchObject({ type: 'call', command: 'motor.move', args, term: 4 });
  sockets.last.push(told('waiting'), {
    type: 'called',
    id: sent?.id,
    call: 'k1',
    position: 9,
    cursor: 'e1-9',
  });
  return call;
}

describe('a call', () => {
  it('resolves when accepted, shows its progress, and finishes with its result', async () => {
    const call = await accepted();
    const seen: unknown[] = [];
    call.subscribe(() => seen.push([call.get().state, call.get().progress]));
    const finished = call.finished();
    sockets.last.push(told('taken', { progress: 0.5 }));
    sockets.last.push(told('done', { result: { position: 90 } }));
    expect(seen).toEqual([
      ['taken', 0.5],
      ['done', undefined],
    ]);
    expect(await finished).toEqual({ position: 90 });
    expect(await call.finished()).toEqual({ position: 90 });
    expect(baton.calls.get().map((c) => c.state)).toEqual(['done']);
  });

  it('can be given up: it says so, and ends as its service says', async () => {
    const call = await accepted();
    const finished = call.finished();
    const asked = call.cancel();
    const [sent] = sockets.last.taken();
    expect(sent).toEqual({ type: 'cancel', id: sent?.id, op: 'page.2', call: 'k1' });
    sockets.last.push(told('taken', { cancelling: true }), { type: 'written', id: sent?.id, position: 10 });
    await asked;
    expect(call.get()).toMatchObject({ state: 'taken', cancelling: true });
    sockets.last.push(told('cancelled', { error: 'stopped at 45' }));
    await expect(finished).rejects.toMatchObject({ code: 'cancelled', detail: 'stopped at 45' });
  });

  it('of before a reload can be given up, too', async () => {
    sockets.last.push(told('waiting'));
    const asked = baton.cancel('k1');
    const [sent] = sockets.last.taken();
    expect(sent).toMatchObject({ type: 'cancel', call: 'k1' });
    sockets.last.push({ type: 'error', id: sent?.id, code: 'conflict', detail: 'the call is done' });
    await expect(asked).rejects.toMatchObject({ code: 'conflict' });
    sockets.last.push(told('cancelled'));
    expect(baton.calls.get()).toMatchObject([{ call: 'k1', state: 'cancelled' }]);
  });

  it("has a deadline, told by the page's own clock", async () => {
    const late = defineCommand<void, void>({ name: 'motor.move', deadline: 5_000 });
    baton.call(late).catch(() => {});
    expect(sockets.last.taken()[0]).toMatchObject({ command: 'motor.move', deadline_ms: 5_000 });
    vi.advanceTimersByTime(1_000);
    sockets.last.push(told('taken', { deadline_ms: 4_200 }));
    expect(baton.calls.get()[0]).toMatchObject({ until: performance.now() + 4_200 });
    expect(baton.calls.get()[0]).not.toHaveProperty('deadline_ms');
  });

  it('that fails rejects with the sentence of its service', async () => {
    const finished = (await accepted()).finished();
    sockets.last.push(told('failed', { error: 'omega is at its limit' }));
    await expect(finished).rejects.toMatchObject({ code: 'failed', detail: 'omega is at its limit' });
  });

  it('that the hub does not know any more after a reconnect is unknown', async () => {
    const finished = (await accepted()).finished();
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up({ calls: [] });
    await expect(finished).rejects.toMatchObject({ code: 'unknown' });
  });

  it('is found again after a reload', () => {
    sockets.last.cut();
    vi.advanceTimersByTime(500);
    up({ calls: [told('taken')] });
    expect(baton.calls.get()).toMatchObject([{ call: 'k1', state: 'taken' }]);
  });

  it('ends with the connection', async () => {
    const finished = (await accepted()).finished();
    baton.close();
    await expect(finished).rejects.toMatchObject({ code: 'closed' });
  });

  it('is not sent after 20 s without a connection: it may not be wanted any more', async () => {
    sockets.last.cut();
    const call = expect(baton.call(move, args)).rejects.toMatchObject({ code: 'withdrawn' });
    await vi.advanceTimersByTimeAsync(20_000);
    await call;
    up();
    expect(sockets.last.taken()).toEqual([]);
  });

  it('whose answer is lost for 20 s is unknown', async () => {
    const call = expect(baton.call(move, args)).rejects.toMatchObject({ code: 'unknown' });
    expect(sockets.last.taken().length).toBe(1);
    await vi.advanceTimersByTimeAsync(20_000);
    await call;
  });
});

describe('a stop', () => {
  it('carries no term, waits for nothing, and is done when delivered', async () => {
    baton.call(move, args).catch(() => {});
    baton.call(move, args).catch(() => {});
    const stop = baton.call(abort, undefined);
    const sent = sockets.last.taken();
    expect(sent.map((r) => [r.command, r.term])).toEqual([
      ['motor.move', 4],
      ['abort', undefined],
    ]);
    sockets.last.push({ type: 'called', id: sent[1]?.id, call: 'stop-1' });
    const call = await stop;
    expect(call.get().state).toBe('done');
    await call.finished();
  });

  it('takes back the calls before it that the hub has not got', async () => {
    const first = baton.call(move, args);
    first.catch(() => {});
    const second = expect(baton.call(move, args)).rejects.toMatchObject({ code: 'withdrawn' });
    baton.call(abort, undefined).catch(() => {});
    await second;
  });

  it('that does not get through in 5 s says so', async () => {
    sockets.last.cut();
    const stop = expect(baton.call(abort, undefined)).rejects.toMatchObject({ code: 'withdrawn' });
    await vi.advanceTimersByTimeAsync(5_000);
    await stop;
  });
});
