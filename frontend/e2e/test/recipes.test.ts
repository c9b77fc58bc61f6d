import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type SignedIn } from '@baton/client';
import type { LoginSession } from '@baton/client/session';
import { expect, vi } from 'vitest';
import { snippets } from '../../docs/snippets.ts';
import { signedIn, withCookie } from '../src/program.ts';
import { oneOrAll, type Stage, scenario } from '../src/scenario.ts';
import { until } from '../src/waiting.ts';

type Baton = ReturnType<typeof connect>;

/** What the page of recipes has in TypeScript, as modules: as it stands there. */
interface Recipes {
  readonly enter: (
    who: { space: string; user: string; password: string },
    ask: (others: readonly LoginSession[]) => Promise<boolean>,
  ) => Promise<SignedIn | null>;
  readonly entries: (baton: Baton) => [key: string, entry: { sample: string; order: number }][];
  readonly add: (baton: Baton, key: string, sample: string) => Promise<void>;
  readonly move: (baton: Baton, key: string, to: number) => Promise<void>;
  readonly moveTo: (baton: Baton, position: number, show: (progress: unknown) => void) => Promise<number>;
}

async function recipes(): Promise<Recipes> {
  const page = await readFile(new URL('../../docs/recipes.md', import.meta.url), 'utf8');
  const dir = await mkdtemp(join(import.meta.dirname, '.recipes-'));
  try {
    const all = {};
    for (const [i, { language, code }] of snippets('recipes.md', page).entries()) {
      if (language !== 'ts') continue;
      const file = join(dir, `${i}.ts`);
      await writeFile(file, code);
      Object.assign(all, await import(file));
    }
    return all as Recipes;
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Lets what a page asks for go to the hub, and returns where its cookie is found. */
function browserOf(stage: Stage): { cookie: string } {
  const browser = { cookie: '' };
  const { fetch } = globalThis;
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const answer = await fetch(`${stage.hub(0).url}${path}`, init);
    browser.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? browser.cookie;
    return answer;
  });
  return browser;
}

scenario(
  'the recipes do what they say: a second login, a shared queue, a command',
  async (stage) => {
    const { enter, entries, add, move, moveTo } = await recipes();
    const { url } = stage.hub(0);
    const open = (cookie: string) => connect({ url, open: withCookie(cookie, url) });
    const pages: Baton[] = [];
    const page = async (cookie: string) => {
      const baton = open(cookie);
      pages.push(baton);
      baton.store({ kind: 'store', name: 'queue', live: false }).subscribe(() => {});
      await until('the page to be live', () => baton.status.get() === 'live');
      return baton;
    };
    try {
      const elsewhere = await page(await signedIn(url, 'alice'));
      const browser = browserOf(stage);
      const alice = { space: 'demo', user: 'alice', password: 'alice' };
      const ask = vi.fn(async (_: readonly LoginSession[]) => false);
      expect(await enter(alice, ask)).toBe(null);
      expect(ask.mock.lastCall?.[0].map(({ user }) => user)).toEqual(['alice']);
      expect(elsewhere.status.get()).toBe('live');
      expect((await enter(alice, async () => true))?.you.user).toBe('alice');
      await until('the other to end', () => elsewhere.status.get() === 'replaced');

      const [here, too] = [await page(browser.cookie), await page(browser.cookie)];
      await here.control.request();
      for (const key of ['a', 'b', 'c']) await add(here, key, `Lys-${key}`);
      const order = (baton: Baton) =>
        entries(baton)
          .map(([key]) => key)
          .join('');
      expect(order(here)).toBe('abc');
      await move(here, 'c', 1);
      await until('the order on the other page', () => order(too) === 'acb');
      const both = await Promise.allSettled([move(here, 'b', 0), move(too, 'b', 2)]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'conflict' },
      });
      await until('the same order', () => order(here) === order(too) && ['bac', 'acb'].includes(order(here)));

      const show = vi.fn();
      expect(await moveTo(here, 12, show)).toBeCloseTo(12);
      expect(show).toHaveBeenCalled();
    } finally {
      vi.unstubAllGlobals();
      for (const baton of pages) baton.close();
    }
  },
  { on: oneOrAll },
);
