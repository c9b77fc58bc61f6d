import type { Scan, ScanPart } from '../beamline.ts';

/** What there is to draw: image numbers, and what was measured on each, in columns. */
export interface Points {
  readonly scan: Scan;
  readonly images: readonly number[];
  readonly spots: readonly number[];
  readonly resolution: readonly number[];
}

/** Puts the parts of the newest scan together. Parts of an earlier one are still there, and are left out. */
export function pointsOf(values: ReadonlyMap<string, unknown>): Points | undefined {
  const scan = values.get('scan') as Scan | undefined;
  if (scan === undefined) return undefined;
  const parts = [...values]
    .filter(([key]) => key.startsWith('part/'))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([, value]) => value as ScanPart)
    .filter(({ id }) => id === scan.id);
  const spots = parts.flatMap((part) => part.spots);
  const images = spots.map((_, i) => Math.min((i + 1) * scan.every, scan.images));
  return { scan, images, spots, resolution: parts.flatMap((part) => part.resolution_a) };
}
