import { expectTypeOf, it } from 'vitest';
import { type Baton, type Call, defineCommand, defineLog, defineSignal, defineStore } from '../src/index.js';

interface Item {
  readonly sample: string;
  readonly order: number;
}

// Checked by tsc, not run: a definition carries its types to everything that is made with it.
it('definitions carry their types', () => {
  const queue = defineStore<Item>({ name: 'queue' });
  const chat = defineLog<{ text: string }>({ name: 'chat' });
  const move = defineCommand<{ motor: string }, { position: number }>({ name: 'motor.move' });
  const stop = defineCommand({ name: 'abort' });
  const pointers = defineSignal<{ x: number }>({ name: 'pointers' });
  const use = async (baton: Baton) => {
    expectTypeOf(baton.store(queue).get().values.get('q1')).toEqualTypeOf<Item | undefined>();
    expectTypeOf(baton.log(chat).get().messages[0]?.data).toEqualTypeOf<{ text: string } | undefined>();
    expectTypeOf((await baton.call(move, { motor: 'omega' })).finished()).resolves.toEqualTypeOf<{
      position: number;
    }>();
    await baton.call(stop);
    expectTypeOf(baton.signal(pointers).get().latest.get('c1')?.data).toEqualTypeOf<
      { x: number } | undefined
    >();
    await baton.store(queue).patch('q1', { order: 2 });
    await baton.transact((t) => {
      t.write(queue, { patch: { q1: { sample: null } } });
      expectTypeOf(t.call(move, { motor: 'omega' })).resolves.toEqualTypeOf<Call<{ position: number }>>();
      // @ts-expect-error: an item has no such member
      t.write(queue, { patch: { q1: { ordr: 2 } } });
      // @ts-expect-error: a text, not a number
      t.append(chat, { text: 1 });
    });
    // @ts-expect-error: an item has an order
    baton.store(queue).set('q1', { sample: '1:03' });
    // @ts-expect-error: a text, not a number
    baton.log(chat).append({ text: 1 });
    // @ts-expect-error: a motor is needed
    baton.call(move, {});
  };
  expectTypeOf(use).toBeFunction();
});
