/**
 * What was asked for, what became of it, and what everybody was told: held against each other. Every change has a number
 * of its own as its value, so it can be found in what was told. Pure: it returns what is wrong, in sentences.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Move, Sight } from './moves.ts';
import type { Frame } from './watcher.ts';

/** A change that a page was asked to make. */
export interface Asked {
  readonly n: number;
  readonly page: string;
  readonly what: Move;
  readonly key: string;
  /** As its page was told. */
  outcome: 'waiting' | 'saved' | 'refused' | 'unknown';
}

export interface History {
  readonly asked: readonly Asked[];
  /** What a watcher of each user was told. Both see all but each other's own. */
  readonly told: Readonly<Record<string, readonly Frame[]>>;
  /** What each page shows in the end, and whose it is. */
  readonly pages: readonly { readonly name: string; readonly user: string; readonly sight: Sight }[];
}

export function problems({ asked, told, pages }: History): string[] {
  const found: string[] = [];
  const [first] = Object.keys(told);
  const shared = (told[first ?? ''] ?? []).filter(({ channel }) => channel !== 'ui');
  const own = Object.values(told).flatMap((frames) => frames.filter(({ channel }) => channel === 'ui'));
  const all = [...shared, ...own];
  found.push(...twice(all));
  for (const one of asked) found.push(...misplaced(one, all));
  const saved = asked.filter(({ what, outcome }) => what === 'hit' && outcome === 'saved').length;
  const unknown = asked.filter(({ what, outcome }) => what === 'hit' && outcome === 'unknown').length;
  for (const [user, frames] of Object.entries(told)) {
    const sight = fold(frames);
    const counted = sight.hits - fold(frames.filter(({ type }) => type === 'joined')).hits;
    if (counted < saved || counted > saved + unknown)
      found.push(`${saved} hits were saved, and ${counted} are counted`);
    for (const page of pages) {
      if (page.user !== user) continue;
      for (const what of ['plans', 'own', 'tasks', 'hits', 'diary'] as const) {
        if (!isDeepStrictEqual(page.sight[what], sight[what]))
          found.push(
            `${page.name} shows ${what} ${JSON.stringify(page.sight[what])}, and not ${JSON.stringify(sight[what])}`,
          );
      }
    }
  }
  found.push(...disordered(asked, all));
  return found;
}

/** Operations that were applied to a channel more than once. */
function twice(frames: readonly Frame[]): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const { type, op, channel } of frames) {
    if (type !== 'change' || op === undefined) continue;
    const name = `${op} on ${channel}`;
    if (seen.has(name)) found.push(`${name} was applied twice`);
    seen.add(name);
  }
  return found;
}

const where: Readonly<Partial<Record<Move, readonly string[]>>> = {
  set: ['plans'],
  patch: ['plans'],
  wrong: ['plans'],
  own: ['ui'],
  append: ['diary'],
  task: ['tasks'],
  all: ['plans', 'ui', 'diary'],
};

/** Whether a change is where it belongs as often as it should be: once in each channel if it was saved, else nowhere. */
function misplaced({ n, what, outcome }: Asked, frames: readonly Frame[]): string[] {
  const times = (where[what] ?? []).map(
    (channel) => frames.filter((frame) => frame.channel === channel && carries(frame, n)).length,
  );
  // Of what nobody knows the end of, all or nothing was done.
  const due = outcome === 'saved' ? 1 : outcome === 'unknown' ? Math.min(1, times[0] ?? 0) : 0;
  return times.flatMap((found, i) =>
    found === due
      ? []
      : [`change ${n} (${what}) was ${outcome}, and is ${found} times in ${where[what]?.[i]}`],
  );
}

/** The changes of one page to one key in another order than they were made. */
function disordered(asked: readonly Asked[], frames: readonly Frame[]): string[] {
  const found: string[] = [];
  const newest = new Map<string, number>();
  const made = new Map(asked.map((one) => [one.n, one]));
  for (const frame of frames) {
    for (const [key, n] of numbers(frame)) {
      const line = `${made.get(n)?.page} ${frame.channel} ${key}`;
      if ((newest.get(line) ?? 0) > n) found.push(`change ${n} came after ${newest.get(line)}: ${line}`);
      newest.set(line, n);
    }
  }
  return found;
}

/** The keys that a frame changes, and the numbers of the changes; of a log, the log. */
function numbers({ type, set, patch, data, channel }: Frame): (readonly [key: string, n: number])[] {
  if (channel === 'hits') return [];
  if (type === 'message') return [['', Number((data as { n: number }).n)]];
  if (type !== 'change') return [];
  return Object.entries({ ...set, ...patch }).map(([key, value]) => [
    key,
    Number((value as { n: number }).n),
  ]);
}

function carries(frame: Frame, n: number): boolean {
  return numbers(frame).some(([, one]) => one === n);
}

/** What there is after all that was told. */
export function fold(frames: readonly Frame[]): Sight {
  const stores: Record<string, Record<string, unknown>> = { plans: {}, ui: {}, tasks: {}, hits: {} };
  const diary: unknown[] = [];
  for (const { type, channel = '', set, patch, delete: gone, values, data, messages = [] } of frames) {
    if (type === 'message') diary.push(data);
    diary.push(...messages.map((message) => message.data));
    const store = stores[channel];
    if (!store) continue;
    for (const [key, { value }] of Object.entries(values ?? {})) store[key] = value;
    for (const [key, value] of Object.entries(set ?? {})) store[key] = value;
    for (const [key, value] of Object.entries(patch ?? {})) store[key] = merged(store[key], value);
    for (const key of gone ?? []) delete store[key];
  }
  return {
    plans: stores.plans ?? {},
    own: stores.ui ?? {},
    tasks: stores.tasks ?? {},
    hits: Number(stores.hits?.count ?? 0),
    diary,
  };
}

/** A flat object after a merge patch. */
function merged(value: unknown, patch: unknown): object {
  const all = Object.entries({ ...(value as object), ...(patch as object) });
  return Object.fromEntries(all.filter(([, member]) => member !== null));
}
