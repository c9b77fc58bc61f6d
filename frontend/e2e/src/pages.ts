/** Pages, as programs, that change everything there is in any order, over lines that break. */

import { type Baton, BatonError, connect } from '@baton/client';
import type { Cutter } from './cutter.ts';
import { type Asked, type History, problems } from './history.ts';
import { channels, join, keys, make, moves, ready, sight } from './moves.ts';
import { type Open, signedIn, withCookie } from './program.ts';
import { ending, until } from './waiting.ts';
import { Watcher } from './watcher.ts';

export interface Play {
  readonly hub: string;
  readonly cutter: Cutter;
  readonly random: () => number;
  /** For how many milliseconds changes are made. */
  readonly time: number;
  /** How long is waited for everybody to see the same. */
  readonly limit: number;
  /** What is wrong with the pages: to see that it is found. */
  readonly spoil?: (open: Open) => Open;
}

export class Page {
  readonly name: string;
  readonly user: string;
  readonly asked: Asked[] = [];
  readonly baton: Baton;
  #random: () => number;

  constructor(name: string, user: string, url: string, open: Open, random: () => number) {
    this.name = name;
    this.user = user;
    this.#random = random;
    this.baton = connect({ url, open, client: name, signedIn: async () => true });
    join(this.baton);
  }

  /** Asks for a change, of any kind, and notes what becomes of it. */
  ask(n: number): Promise<void> {
    const [what, key] = [pick(moves, this.#random), pick(keys, this.#random)];
    const asked: Asked = { n, page: this.name, what, key, outcome: 'waiting' };
    this.asked.push(asked);
    return make(this.baton, what, key, n).then(
      () => {
        asked.outcome = 'saved';
      },
      (err: unknown) => {
        if (!(err instanceof BatonError)) throw err;
        asked.outcome = err.code === 'unknown' ? 'unknown' : 'refused';
      },
    );
  }
}

export function pick<T>(of: readonly T[], random: () => number): T {
  return of[Math.floor(random() * of.length)] as T;
}

/** Lets two pages of alice and one of bob change things, and returns what is wrong with what came of it. */
export async function play({ hub, cutter, random, time, limit, spoil }: Play): Promise<string[]> {
  const cookies = { alice: await signedIn(hub, 'alice'), bob: await signedIn(hub, 'bob') };
  const watchers = {
    alice: await Watcher.on(hub, cookies.alice, channels),
    bob: await Watcher.on(hub, cookies.bob, channels),
  };
  const id = Math.floor(random() * 2 ** 32).toString(36);
  const pages = (['alice', 'alice', 'bob'] as const).map((user, i) => {
    const open = withCookie(cookies[user], cutter.url);
    return new Page(`page-${i}-${id}`, user, cutter.url, spoil?.(open) ?? open, random);
  });
  try {
    await until('all pages to be there', () => pages.every(({ baton }) => ready(baton)));
    let n = pages.length; // numbers are of all pages, and grow
    const work: Promise<void>[] = [];
    for (const end = performance.now() + time; performance.now() < end; ) {
      for (const page of pages) if (random() < 0.6) work.push(page.ask(++n));
      await new Promise((next) => setTimeout(next, 20 + random() * 80));
    }
    cutter.heal();
    const asked = pages.flatMap((page) => page.asked);
    await until('every change to end', () => asked.every(({ outcome }) => outcome !== 'waiting'), ending);
    await Promise.all(work);
    const told = { alice: watchers.alice.frames, bob: watchers.bob.frames };
    const history = (): History => ({
      asked,
      told,
      pages: pages.map((page) => ({ name: page.name, user: page.user, sight: sight(page.baton) })),
    });
    // What is wrong for good is still wrong then.
    await until('nothing to be wrong', () => problems(history()).length === 0, limit).catch(() => {});
    const slow = Object.values(watchers).some((one) => one.joined().length !== channels.length);
    return [...problems(history()), ...(slow ? ['a watcher was not told every change'] : [])];
  } finally {
    for (const page of pages) page.baton.close();
    for (const watcher of Object.values(watchers)) watcher.close();
  }
}
