/** What is to be read from the other side of the room, in few words. Pure. */

import type { ItemState, RunState, Shutter } from '../beamline.ts';
import { plural, span, words } from '../format.ts';

export interface Glanced {
  readonly word: string;
  readonly look: 'on' | 'off' | 'moving' | 'trouble';
  /** What the word is about: which shutter, where in the queue and since when. */
  readonly where: string;
}

/** Whether the beam can reach the sample: the first shutter of its way that is not open says no. */
export function beam(way: readonly Shutter[]): Glanced | undefined {
  if (way.length === 0) return undefined;
  const first = way.find(({ value }) => value !== 'open');
  if (first === undefined) return { word: 'Open', look: 'on', where: 'to the sample' };
  const where = words(first.label).toLowerCase();
  return { word: words(first.value), look: first.value === 'moving' ? 'moving' : 'off', where };
}

export interface Work extends Glanced {
  /** 0 to 100, of the entry that runs. */
  readonly percent?: number;
}

/** What the queue does: `items` are its entries in their order, as far as they have been run, `name` of the one that runs. */
export function work(
  { state, item, started }: RunState,
  items: readonly (readonly [key: string, item: ItemState | undefined])[],
  name: string,
  now: number,
): Work {
  if (state === 'idle') {
    const failed = items.filter(([, one]) => one?.state === 'failed').length;
    const where = plural(items.length, 'entry', 'entries');
    if (failed > 0) return { word: `Idle, ${failed} failed`, look: 'trouble', where };
    return { word: 'Idle', look: 'off', where };
  }
  const place = items.findIndex(([key]) => key === item);
  const age = started && span(now - Date.parse(started));
  const where = [place >= 0 && `${place + 1} of ${items.length}`, age].filter(Boolean).join(' · ');
  if (state === 'stopping') return { word: 'Stopping', look: 'moving', where };
  const percent = place >= 0 ? Math.round((items[place]?.[1]?.progress ?? 0) * 100) : undefined;
  if (percent === undefined) return { word: 'Running', look: 'on', where };
  return { word: `${name} · ${percent} %`, look: 'on', where, percent };
}
