import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../src/frames.js';
import { connect, defineCommand, defineLog, defineSignal, defineStore } from '../src/index.js';
import { driving, Sockets, welcome } from './hub.js';

// The same files that the hub's own tests read: what they show is what it sends and takes.
const folder = new URL('../../../hub/wire/testdata/', import.meta.url);

interface Example {
  readonly name: string;
  readonly direction: 'client' | 'server';
  readonly frame: Record<string, unknown>;
}

/** What the golden transaction holds. */
interface Transact {
  readonly seen: string;
  readonly held: object;
  readonly writes: [
    { readonly channel: string; readonly unseen: string; readonly set: Record<string, unknown> },
  ];
  readonly appends: [{ readonly data: unknown }];
  readonly calls: [
    { readonly command: string; readonly args: unknown; readonly deadline_ms: number },
    { readonly command: string },
  ];
}

const examples = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Example[])
  .filter((example) => example.frame !== undefined);

function golden(type: string, name: string): Record<string, unknown> {
  const found = examples.find((e) => e.frame.type === type && e.name === name);
  if (!found) throw new Error(`no golden ${type} frame is named ${name}`);
  return found.frame;
}

describe('the golden files', () => {
  const server = examples.filter((e) => e.direction === 'server');

  it('are there', () => expect(server.length).toBeGreaterThan(20));

  it.each(server.map((e) => [`${e.frame.type}: ${e.name}`, e.frame] as const))(
    'applies %s',
    (_name, frame) => {
      const sockets = new Sockets();
      const baton = connect({ url: 'http://hub', open: sockets.open });
      const stores = ['queue', 'motors'].map((name) => baton.store(defineStore<unknown>({ name })));
      const chat = baton.log(defineLog<unknown>({ name: 'chat' }));
      const cursors = baton.signal(defineSignal<unknown>({ name: 'cursors' }));
      for (const readable of [...stores, chat, cursors]) readable.subscribe(() => {});
      sockets.last.open();
      sockets.last.push(golden('welcome', 'a browser'));
      sockets.last.push(frame, { type: 'stale', since: 'T' });
      // Still alive after the frame: what came behind it in the same message was applied.
      const replaced = frame.type === 'welcome' && frame.space !== 'demo';
      expect(baton.status.get()).toBe(replaced ? 'signed-out' : 'stale');
      baton.close();
    },
  );

  it('show what a page sees of a store', () => {
    const sockets = new Sockets();
    const baton = connect({ url: 'http://hub', open: sockets.open });
    const queue = baton.store(defineStore<unknown>({ name: 'queue' }));
    queue.subscribe(() => {});
    sockets.last.open();
    sockets.last.push(golden('welcome', 'a browser'));
    const [join] = sockets.last.taken();
    sockets.last.push({ ...golden('joined', 'a store'), id: join?.id });
    expect(queue.get().values.get('q1')).toEqual({ sample: '1:03', order: 1.5 });
    expect(queue.get().keys.get('q1')).toEqual({
      position: 12,
      by: 'alice',
      at: '2026-03-02T09:15:04.123456789Z',
      saving: false,
    });
    sockets.last.push(golden('change', 'set'));
    expect(queue.get().values.get('q1')).toEqual({ order: 2 });
    sockets.last.push(golden('change', 'set and delete'));
    expect(queue.get().values.get('q1')).toBe(null);
    sockets.last.push(golden('joined', 'by itself, the client was slow'));
    expect(queue.get().values.get('q1')).toBe(7);
    sockets.last.push(golden('change', 'set'), golden('change', 'a patch'));
    expect(queue.get().values.get('q1')).toEqual({ order: 2.5, params: {} });
    baton.close();
  });

  it('show what a page sees of defaults, signals and calls', async () => {
    const sockets = new Sockets();
    const baton = connect({ url: 'http://hub', open: sockets.open });
    const settings = baton.store(defineStore<unknown>({ name: 'settings' }));
    const cursors = baton.signal(defineSignal<unknown>({ name: 'cursors' }));
    for (const readable of [settings, cursors]) readable.subscribe(() => {});
    sockets.last.open();
    sockets.last.push(golden('welcome', 'a browser'));
    const [first, second] = sockets.last.taken();
    sockets.last.push(
      { ...golden('joined', 'a store with defaults, for the first time'), id: first?.id },
      { ...golden('joined', 'an empty store'), id: second?.id, channel: 'cursors' },
      golden('signal', 'a pointer'),
      golden('call', 'taken, to be cancelled, with a deadline'),
    );
    expect(settings.get()).toMatchObject({ reason: 'new', values: new Map([['exposure', { s: 0.02 }]]) });
    expect(cursors.get().latest.get('kW2mZb0aQ9s-Xr41')).toEqual({ by: 'bob', data: { x: 0.25, y: 0.5 } });
    expect(baton.calls.get().at(-1)).toMatchObject({ call: 'c1ab.22', state: 'taken', cancelling: true });
    sockets.last.push(golden('call', 'cancelled'));
    expect(baton.calls.get().at(-1)?.state).toBe('cancelled');
    baton.close();
  });

  it('hold every kind of request as this client writes it', async () => {
    const sockets = new Sockets();
    const baton = connect({ url: 'http://hub', client: 'c1ab', open: sockets.open });
    sockets.last.open();
    sockets.last.push(welcome());
    baton
      .store(defineStore<unknown>({ name: 'ui' }))
      .set('theme', 'dark')
      .catch(() => {});
    baton
      .log(defineLog<unknown>({ name: 'chat' }))
      .append({ text: 'beam is back' })
      .catch(() => {});
    const [write, append] = sockets.last.taken();
    expect(write).toEqual({ ...golden('write', 'one key'), id: write?.id, op: 'c1ab.1' });
    expect(append).toEqual({ ...golden('append', 'a chat message'), id: append?.id, op: 'c1ab.2' });
    baton.cancel('c1ab.22').catch(() => {});
    baton.signal(defineSignal<unknown>({ name: 'cursors' })).send(null);
    const [cancel, send] = sockets.last.taken();
    expect(cancel).toEqual({ ...golden('cancel', "one's own"), id: cancel?.id, op: 'c1ab.3' });
    expect(send).toEqual({ ...golden('send', 'null is a signal'), id: send?.id });
    const moves = {
      request: () => baton.control.request('may I align the next sample?'),
      cancel: () => baton.control.cancel(),
      grant: () => baton.control.grant('r12'),
      deny: () => baton.control.deny('r12', 'after this scan'),
      give: () => baton.control.give('s9x2'),
      release: () => baton.control.release(),
      take: () => baton.control.take({ reason: 'the shutter must close' }),
    };
    for (const [name, move] of Object.entries(moves)) {
      const moved = move();
      const [sent] = sockets.last.taken();
      expect(sent).toEqual({ ...golden('control', name), id: sent?.id, op: sent?.op });
      sockets.last.push({ ...golden('controlled', 'released'), id: sent?.id });
      await moved;
    }
    baton.close();
  });

  it('hold what is sent again as this client writes it', () => {
    const sockets = new Sockets();
    const baton = connect({ url: 'http://hub', client: 'c1ab', open: sockets.open });
    sockets.last.open();
    sockets.last.push(welcome());
    baton.store(defineStore<unknown>({ name: 'ui' })).set('theme', 'dark');
    sockets.last.taken();
    const { seen, ...again } = golden('write', 'sent again');
    const change = { ...golden('change', 'set'), cursor: seen };
    sockets.last.push(change, welcome({ conn: 'c2' })); // from now on another connection is there
    const [sent] = sockets.last.taken();
    expect(sent).toEqual({ ...again, seen, id: sent?.id });
    baton.close();
  });

  it('hold a transaction as this client writes it', () => {
    const sockets = new Sockets();
    const baton = connect({ url: 'http://hub', client: 'c1ab', open: sockets.open });
    sockets.last.open();
    sockets.last.push({ ...golden('welcome', 'a browser'), control: driving(4), session: 's1' });
    const whole = golden('transact', 'everything there is') as unknown as Transact;
    const [{ unseen: _unseen, channel, ...write }] = whole.writes;
    const [{ data }] = whole.appends;
    const [call, plain] = whole.calls;
    baton.transact((t) => {
      t.write(defineStore<unknown>({ name: channel }), write);
      t.append(defineLog<unknown>({ name: 'chat' }), data);
      t.call(defineCommand<unknown>({ name: call.command, deadline: call.deadline_ms }), call.args);
      t.call(defineCommand({ name: plain.command }));
    });
    const [sent] = sockets.last.taken();
    const { seen: _seen, held: _held, writes: _writes, ...rest } = whole;
    expect(sent).toEqual({ ...rest, writes: [{ channel, ...write }], id: sent?.id, op: 'c1ab.1' });
    baton.close();
  });

  it('no message that is not one breaks a page', () => {
    for (const text of ['', '{', '{}', '1', undefined, new ArrayBuffer(1)])
      expect(parseMessage(text)).toEqual([]);
  });
});
