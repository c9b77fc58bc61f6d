import type { Sample } from '../beamline.ts';

/** A sample with its key. */
export type Placed = readonly [key: string, sample: Sample];

/** Those whose name, protein, place or state has the text in it. */
export function matching(values: ReadonlyMap<string, Sample>, text: string): Placed[] {
  const wanted = text.trim().toLowerCase();
  return [...values].filter(
    ([key, s]) =>
      wanted === '' ||
      `${s.name} ${s.protein} ${key} puck ${s.puck} ${s.state}`.toLowerCase().includes(wanted),
  );
}

/** The samples of each puck by position, pucks by number. */
export function byPuck(placed: readonly Placed[]): [number, Placed[]][] {
  const pucks = new Map<number, Placed[]>();
  for (const one of placed) {
    const puck = pucks.get(one[1].puck);
    if (puck === undefined) pucks.set(one[1].puck, [one]);
    else puck.push(one);
  }
  for (const puck of pucks.values()) puck.sort((a, b) => a[1].position - b[1].position);
  return [...pucks].sort((a, b) => a[0] - b[0]);
}
