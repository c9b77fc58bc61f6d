import { describe, expect, it } from 'vitest';
import type { QueueEntry } from '../src/beamline.ts';
import { nextTarget } from '../src/equipment/MotorRow.tsx';
import { countdown, decimal, span, words } from '../src/format.ts';
import { tell } from '../src/messages/tell.ts';
import { describe as describeEntry, inOrder, type Keyed, orderAt } from '../src/queue/entries.ts';
import { part } from '../src/queue/QueueList.tsx';

const entry = (order: number): QueueEntry => ({ sample: '1:01', task: 'centring', order, params: {} });

describe('the order of the queue', () => {
  const entries: Keyed[] = [1, 2, 3, 4].map((order) => [`q${order}`, entry(order)]);

  it.each([
    [0, 2],
    [3, 0],
    [1, 2],
    [2, 1],
    [0, 3],
  ])('moves from %i to %i', (from, to) => {
    const expected = entries.map(([key]) => key);
    expected.splice(to, 0, ...expected.splice(from, 1));
    const order = orderAt(entries, from, to);
    const moved = entries.map(([key, value], i): Keyed => [key, i === from ? entry(order ?? 0) : value]);
    expect(inOrder(new Map(moved)).map(([key]) => key)).toEqual(expected);
  });

  it('has no order for a move that is none', () => {
    expect([orderAt(entries, 1, 1), orderAt(entries, 0, -1), orderAt(entries, 3, 4)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is decided by the key where two have the same', () => {
    expect(
      inOrder(
        new Map([
          ['b', entry(1)],
          ['a', entry(1)],
        ]),
      ).map(([key]) => key),
    ).toEqual(['a', 'b']);
  });
});

describe('words and numbers', () => {
  it('are what people at a beamline write', () => {
    expect([decimal(-0.00001, 3), decimal(-4.5, 2), decimal(60, 0)]).toEqual(['0.000', '−4.50', '60']);
    expect([span(-5000), span(59_999), span(3_600_000), span(130 * 60_000), span(3 * 86_400_000)]).toEqual([
      '0 s',
      '59 s',
      '1 h',
      '2 h 10 min',
      '3 days',
    ]);
    expect([countdown(20_001), countdown(-1), countdown(61_000)]).toEqual(['0:21', '0:00', '1:01']);
    expect([words('SafetyShutter'), words('fast_shutter')]).toEqual(['Safety shutter', 'Fast shutter']);
    const params = { images: 360, range_deg: 180, exposure_s: 0.02, transmission_pct: 10 };
    expect(describeEntry({ ...entry(1), params })).toBe('360 × 20 ms · 180° · 10 %');
  });

  it('tell the journal', () => {
    const bob = { session: 's', user: 'bob', name: 'Bob' };
    expect(tell({ do: 'take', name: 'Sam', was: bob, reason: 'alarm' })).toBe(
      'Sam took control from Bob: “alarm”',
    );
    expect(tell({ do: 'expired', was: bob })).toBe('Bob did not come back; the seat is vacant');
    expect(tell({ do: 'something new', name: 'Sam' })).toBe('Sam something new');
  });
});

describe('a step of a motor', () => {
  const axis = { label: 'x', unit: 'mm', min: -1, max: 1, step: 0.1, speed: 1, decimals: 4 };

  it('leaves no dust and stays within the limits', () => {
    expect(nextTarget(0.2, 0.1, axis)).toBe(0.3);
    expect(nextTarget(0.95, 0.1, axis)).toBe(1);
    expect(nextTarget(-1, -0.1, axis)).toBe(-1);
  });
});

describe('a long queue', () => {
  it('shows what runs and what is next, and more above and below when asked', () => {
    const none = { above: 0, below: 0 };
    expect(part(60, 50, none), 'a short one is shown as a whole').toEqual([0, 60]);
    expect(part(200, -1, none)).toEqual([0, 60]);
    expect(part(200, 12, none)).toEqual([9, 69]);
    expect(part(200, 199, none)).toEqual([140, 200]);
    expect(part(200, 100, { above: 60, below: 60 })).toEqual([37, 200]);
    expect(part(200, 12, { above: 60, below: 0 })).toEqual([0, 69]);
  });
});
