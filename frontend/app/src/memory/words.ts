/** A change that waits, or was refused, in words. Pure. */

import type { WaitingChange } from '@baton/client/persist';
import { chat, type QueueEntry, queue, type Sample } from '../beamline.ts';

/** What there is now, to name things by. */
interface Known {
  readonly samples: ReadonlyMap<string, Sample>;
  readonly queue: ReadonlyMap<string, QueueEntry>;
}

/** Such as "Adding Lys-01 to the queue". */
export function tellChange({ change }: Pick<WaitingChange, 'change'>, known: Known): string {
  if (change.type === 'append' && change.channel === chat.name) return `Saying “${textOf(change.data)}”`;
  if (change.type !== 'write' || change.channel !== queue.name) return 'A change';
  const { set = {}, delete: gone = [] } = change;
  const name = (key: string, entry = known.queue.get(key)) =>
    entry ? (known.samples.get(entry.sample)?.name ?? entry.sample) : 'an entry';
  const names = Object.entries(set).map(([key, entry]) => name(key, entry as QueueEntry));
  if (gone.length > 0) return `Taking ${list(gone.map((key) => name(key)))} out of the queue`;
  const moved = Object.keys(set).every((key) => known.queue.has(key));
  return moved ? `Moving ${list(names)} in the queue` : `Adding ${list(names)} to the queue`;
}

function textOf(data: unknown): string {
  return (data as { text?: string } | null)?.text ?? '';
}

function list(names: readonly string[]): string {
  const [first = '', second, ...more] = names;
  if (second === undefined) return first;
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`;
}
