import { describe, expect, it } from 'vitest';
import { type Operation, Outbox } from '../src/outbox.js';

function operation(id: number, more: Partial<Operation> = {}): Operation {
  const base = {
    id,
    op: `p.${id}`,
    text: `${id}`,
    lanes: [`key${id}`],
    deadline: Infinity,
    kind: 'change' as const,
  };
  return { ...base, done: () => {}, failed: () => {}, ...more };
}

function outboxOf(...operations: Operation[]): Outbox {
  const outbox = new Outbox();
  for (const o of operations) outbox.add(o);
  return outbox;
}

/** What is sent the second time. */
const again = (n: number) => `"again":true,${n}`;

const range = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('an outbox', () => {
  it('sends in order, at most as many as the hub accepts', () => {
    const outbox = outboxOf(...range(40).map((n) => operation(n)));
    expect(outbox.take(0)).toEqual(range(32).map(String));
    expect(outbox.take(0)).toEqual([]);
    outbox.answered(5);
    expect(outbox.take(0)).toEqual(['33']);
  });

  it('never has two under way that touch the same, nor lets a later one overtake', () => {
    const outbox = outboxOf(
      operation(1, { lanes: ['k'] }),
      operation(2, { lanes: ['k', 'l'] }),
      operation(3),
    );
    expect(outbox.take(0)).toEqual(['1']);
    outbox.answered(1);
    expect(outbox.take(0)).toEqual(['2', '3']);
  });

  it('sends everything again after a reconnect, in the same order, and says so', () => {
    const outbox = outboxOf(operation(1), operation(2), operation(3));
    outbox.take(0);
    outbox.answered(2);
    outbox.disconnected();
    outbox.add(operation(4));
    expect(outbox.take(0)).toEqual([again(1), again(3), '4']);
    outbox.disconnected();
    expect(outbox.take(0)).toEqual([1, 3, 4].map(again));
  });

  it('says of what an earlier page may have sent that it is sent again, and not of what it never did', () => {
    const outbox = new Outbox();
    outbox.add({ ...operation(1), state: 'again' });
    outbox.add({ ...operation(2), state: 'unsent' });
    expect(outbox.take(0)).toEqual([again(1), '2']);
  });

  it('pauses when the hub cannot now, ever longer, and begins again with that one', () => {
    const outbox = outboxOf(operation(1), operation(2, { lanes: ['key1'] }));
    let now = 0;
    for (const pause of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      expect(outbox.take(now)).toEqual([now === 0 ? '1' : again(1)]);
      outbox.notNow(1, 'later', now, 1);
      expect(outbox.wakeAt(now)).toBe(now + pause);
      expect(outbox.take(now + pause - 1)).toEqual([]);
      now += pause;
    }
    outbox.take(now);
    outbox.answered(1);
    outbox.take(now);
    outbox.notNow(2, 'later', now, 1);
    expect(outbox.wakeAt(now), 'an answer makes the pauses short again').toBe(now + 500);
  });

  it('goes slowly, one after the other, after the hub has said that they are too many', () => {
    const outbox = outboxOf(...range(4).map((n) => operation(n)));
    outbox.take(0);
    for (const n of range(4)) outbox.notNow(n, 'too many', 0, 1);
    expect(outbox.wakeAt(0)).toBe(500);
    expect(outbox.take(500)).toEqual([again(1)]);
    expect(outbox.take(559)).toEqual([]);
    expect(outbox.take(560)).toEqual([again(2)]);
    for (const n of range(4)) outbox.answered(n);
    for (const n of [5, 6]) outbox.add(operation(n));
    expect(outbox.take(700), 'once it is empty it goes fast again').toEqual(['5', '6']);
  });

  it('lets a stop pass everything, and tries it again soon', () => {
    const outbox = outboxOf(...range(33).map((n) => operation(n)));
    outbox.take(0);
    outbox.notNow(1, 'later', 0, 1);
    outbox.add(operation(40, { kind: 'stop', lanes: [] }));
    expect(outbox.take(0)).toEqual(['40']);
    outbox.notNow(40, 'too many', 0, 1);
    expect(outbox.take(249)).toEqual([]);
    expect(outbox.take(250)).toEqual([again(40)]);
  });

  it('takes back the calls that a stop has overtaken, and says whether they were sent', () => {
    const call = { kind: 'call' as const, lanes: ['~calls'] };
    const outbox = outboxOf(operation(1, call), operation(2, call), operation(3));
    outbox.take(0);
    outbox.notNow(1, 'later', 0, 1);
    expect(outbox.withdraw().map((r) => [r.id, r.state])).toEqual([
      [1, 'again'],
      [2, 'unsent'],
    ]);
    expect(outbox.take(600)).toEqual(['3']);
  });

  it('leaves a call to the hub that is under way when a stop is given', () => {
    const outbox = outboxOf(operation(1, { kind: 'call' }));
    outbox.take(0);
    expect(outbox.withdraw()).toEqual([]);
  });

  it('gives up what is past its deadline', () => {
    const outbox = outboxOf(operation(1, { deadline: 100 }), operation(2));
    expect(outbox.wakeAt(0)).toBe(100);
    expect(outbox.expired(99)).toEqual([]);
    expect(outbox.expired(100).map((r) => r.id)).toEqual([1]);
    expect(outbox.wakeAt(100)).toBe(Infinity);
  });
});
