/** Reading the stores of the queue, and the arithmetic of its order. Pure. */

import type { ItemState, QueueEntry, RunState, Task, TaskParams } from '../beamline.ts';

export type Keyed = readonly [key: string, entry: QueueEntry];

/** Entries in the order in which they run: by `order`, then by key, as the beamline does it. */
export function inOrder(values: ReadonlyMap<string, QueueEntry>): Keyed[] {
  return [...values].sort(([a, x], [b, y]) => x.order - y.order || (a < b ? -1 : 1));
}

/** The order that puts a new entry at the end. */
export function orderAtEnd(entries: readonly Keyed[], nth = 0): number {
  return (entries.at(-1)?.[1].order ?? 0) + 1 + nth;
}

/** The order that puts the entry at index `from` to the index `to`; undefined when it is there already. */
export function orderAt(entries: readonly Keyed[], from: number, to: number): number | undefined {
  if (from === to || to < 0 || to >= entries.length) return undefined;
  const others = entries.filter((_, i) => i !== from);
  const before = others[to - 1]?.[1].order;
  const after = others[to]?.[1].order;
  if (before === undefined) return (after ?? 1) - 1;
  if (after === undefined) return before + 1;
  return (before + after) / 2;
}

export function runState(value: unknown): RunState {
  return (value as RunState | undefined) ?? { state: 'idle' };
}

export function itemState(value: unknown): ItemState | undefined {
  return value as ItemState | undefined;
}

export const taskWords: Record<Task, string> = {
  centring: 'Centring',
  characterisation: 'Characterisation',
  collection: 'Collection',
};

export const defaults: Record<Task, TaskParams> = {
  centring: {},
  characterisation: { images: 4, range_deg: 1, exposure_s: 0.5, transmission_pct: 10 },
  collection: { images: 360, range_deg: 180, exposure_s: 0.02, transmission_pct: 10 },
};

/** "360 × 20 ms · 180° · 10 %". */
export function describe(entry: QueueEntry): string {
  const { images, range_deg, exposure_s, transmission_pct } = entry.params ?? {};
  const exposure =
    exposure_s && (exposure_s < 0.1 ? `${Math.round(exposure_s * 10_000) / 10} ms` : `${exposure_s} s`);
  return [
    images && exposure ? `${images} × ${exposure}` : images ? `${images} images` : exposure,
    range_deg && `${range_deg}°`,
    transmission_pct && `${transmission_pct} %`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A key for a new entry. Random, so that two people never choose the same. */
export function newKey(): string {
  return `q${crypto.getRandomValues(new Uint32Array(2)).reduce((text, n) => text + n.toString(36), '')}`;
}
