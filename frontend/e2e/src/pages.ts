/** Pages, as programs, that change everything there is in any order, over lines that break. */

import { type Baton, BatonError, connect, defineLog, defineStore } from '@baton/client';
import { change } from '@baton/client/conflict';
import type { Cutter } from './cutter.ts';
import { type Asked, type History, problems } from './history.ts';
import { type Open, signedIn, withCookie } from './program.ts';
import { until } from './waiting.ts';
import { Watcher } from './watcher.ts';

interface Value {
  readonly n: number;
  readonly note?: string;
}

const plans = defineStore<Value>({ name: 'plans' });
const own = defineStore<Value>({ name: 'ui' });
const hits = defineStore<number>({ name: 'hits' });
const diary = defineLog<Value>({ name: 'diary' });
const channels = [plans, own, hits, diary].map(({ name }) => name);
const keys = ['a', 'b', 'c'];

/** Where all of it happens. */
export const lab = `version: 1
title: Lab
spaces:
  demo:
    title: Demo
    login: {other_user: observe, same_user: join}
    channels:
      plans:
        kind: store
        write: [member]
        schema: {type: object, properties: {note: {type: string, maxLength: 10}}}
      ui: {kind: store, scope: user, write: [owner]}
      hits: {kind: store, write: [member], default: {count: 0}}
      diary: {kind: log, write: [member], keep: 5000}
authenticators:
  - {kind: dev}
`;

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
    for (const store of [plans, own, hits]) this.baton.store<unknown>(store).subscribe(() => {});
    this.baton.log(diary).subscribe(() => {});
  }

  /** Asks for a change, of any kind, and notes what becomes of it. */
  ask(n: number): Promise<void> {
    const key = this.#pick(keys);
    const kinds = ['set', 'set', 'patch', 'delete', 'append', 'own', 'all', 'wrong', 'hit', 'hit'] as const;
    const what = this.#pick(kinds);
    const asked: Asked = { n, page: this.name, what, key, outcome: 'waiting' };
    this.asked.push(asked);
    return this.#do(what, key, { n }).then(
      () => {
        asked.outcome = 'saved';
      },
      (err: unknown) => {
        if (!(err instanceof BatonError)) throw err;
        asked.outcome = err.code === 'unknown' ? 'unknown' : 'refused';
      },
    );
  }

  sight() {
    const { baton } = this;
    const messages = baton
      .log(diary)
      .get()
      .messages.map(({ data }) => data);
    return {
      plans: Object.fromEntries(baton.store(plans).get().values),
      own: Object.fromEntries(baton.store(own).get().values),
      hits: baton.store(hits).get().values.get('count') ?? 0,
      diary: messages,
    };
  }

  ready(): boolean {
    const { status, store, log } = this.baton;
    return status.get() === 'live' && store(hits).get().ready && log(diary).get().ready;
  }

  #do(what: Asked['what'], key: string, value: Value): Promise<unknown> {
    const { store, log, transact } = this.baton;
    switch (what) {
      case 'set':
        return store(plans).set(key, value);
      case 'patch':
        return store(plans).patch(key, value);
      case 'delete':
        return store(plans).delete(key);
      case 'append':
        return log(diary).append(value);
      case 'own':
        return store(own).set(key, value);
      case 'wrong':
        return store(plans).set(key, { ...value, note: 'longer than allowed' });
      case 'all':
        return transact((t) => {
          t.write(plans, { set: { [key]: value } });
          t.write(own, { set: { [key]: value } });
          t.append(diary, value);
        });
      case 'hit': {
        const count = store(hits).get().values.get('count') ?? 0;
        return change(store(hits), 'count', count + 1, { onConflict: (_, __, theirs = 0) => theirs + 1 });
      }
    }
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)] as T;
  }
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
    await until('all pages to be there', () => pages.every((page) => page.ready()));
    let n = pages.length; // numbers are of all pages, and grow
    const work: Promise<void>[] = [];
    for (const end = performance.now() + time; performance.now() < end; ) {
      for (const page of pages) if (random() < 0.6) work.push(page.ask(++n));
      await new Promise((next) => setTimeout(next, 20 + random() * 80));
    }
    cutter.heal();
    const asked = pages.flatMap((page) => page.asked);
    await until('every change to end', () => asked.every(({ outcome }) => outcome !== 'waiting'));
    await Promise.all(work);
    const told = { alice: watchers.alice.frames, bob: watchers.bob.frames };
    const history = (): History => ({
      asked,
      told,
      pages: pages.map((page) => ({ name: page.name, user: page.user, sight: page.sight() })),
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
