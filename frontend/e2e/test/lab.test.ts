import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { layouts, skewed } from '../src/installation.ts';
import { type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

/** The demo's site, and what the app does not use. */
const demo = readFileSync(new URL('../../../cmd/site-dev.yaml', import.meta.url), 'utf8');
const more = `    channels:
      plans:
        kind: store
        write: [member]
        default: {std: {images: 10, detector: {distance: 200, gain: 1}}}
        schema: {type: object, properties: {images: {type: integer, maximum: 100}}}
      diary: {kind: log, write: [member]}
      pointers: {kind: signal, write: [member]}
`;
const site = demo.replace('    channels:\n', more);
const [, shared] = layouts;

/** Alice and bob, on different hubs where there are two, with a client beside the app. */
async function people(stage: Stage): Promise<readonly [Tab, Tab]> {
  const [hers, his] = [await stage.computer(), await stage.computer()];
  const alice = await (await hers.open(stage.hub(0))).signIn('alice');
  const bob = await (await his.open(stage.hub(1))).signIn('bob');
  for (const { page } of [alice, bob]) await until('the lab', () => page.evaluate(() => probe.lab.ready()));
  return [alice, bob];
}

const plan = (tab: Tab, key: string) => tab.page.evaluate((k) => probe.lab.plan(k), key);
const diary = (tab: Tab) => tab.page.evaluate(() => probe.lab.diary());
const both = (tab: Tab, images: number) => tab.page.evaluate((n) => probe.lab.both(n), images);

scenario(
  'patches of two people meet in one value, over its default',
  async (stage) => {
    const [alice, bob] = await people(stage);
    const standard = { images: 10, detector: { distance: 200, gain: 1 } };
    for (const tab of [alice, bob]) {
      expect(await plan(tab, 'std')).toEqual(standard);
      expect(await tab.page.evaluate(() => probe.lab.position('std'))).toBe(0);
    }
    const patched = await Promise.all([
      alice.page.evaluate(() => probe.lab.patch('std', { detector: { distance: 350 } })),
      bob.page.evaluate(() => probe.lab.patch('std', { images: 20 })),
    ]);
    expect(patched).toEqual(['saved', 'saved']);
    for (const tab of [alice, bob]) {
      await until('both patches', async () => {
        const { images, detector } = (await plan(tab, 'std')) ?? {};
        return images === 20 && detector?.distance === 350 && detector.gain === 1;
      });
    }
  },
  { site, on: [shared, skewed] },
);

scenario(
  'a transaction is one change for everybody, and nothing at all if one part is refused',
  async (stage) => {
    const [alice, bob] = await people(stage);
    for (let images = 1; images <= 20; images++) expect(await both(alice, images)).toBe('saved');
    expect(await both(alice, 101)).toEqual({
      code: 'schema',
      more: expect.objectContaining({ part: 'writes/0', path: '/images', channel: 'plans', key: 'p1' }),
    });
    expect((await plan(alice, 'p1'))?.images).toBe(20);
    expect(await alice.page.evaluate(() => probe.lab.refused('p1'))).toMatchObject({ path: '/images' });
    await until('all of it', async () => (await diary(bob)).length === 20);
    expect((await diary(bob)).at(-1)).toBe('20 images');
    const steps = Array.from({ length: 20 }, (_, i) => `${i + 1} / ${i + 1}`);
    expect((await bob.page.evaluate(() => probe.lab.shown)).filter((one) => !steps.includes(one))).toEqual([
      'undefined / 0',
    ]);
    await bob.page.reload();
    await until('the lab', () => bob.page.evaluate(() => probe.lab.ready()));
    expect(await diary(bob), 'the last two of before').toEqual(['19 images', '20 images']);
  },
  { site, on: [...layouts, skewed] },
);

scenario(
  'a signal reaches the others, the newest of each, and is forgotten',
  async (stage) => {
    const [alice, bob] = await people(stage);
    await alice.page.evaluate(() => {
      for (let x = 0; x <= 100; x++) probe.lab.point(x);
    });
    const seen = (tab: Tab) => tab.page.evaluate(() => `${probe.lab.pointers()}`);
    await until('the newest', async () => (await seen(bob)) === 'alice 100');
    expect(await seen(alice), 'her own').toBe('');
    await until('it to be forgotten', async () => (await seen(bob)) === '');
  },
  { site, on: [shared, skewed] },
);

scenario(
  'a call that is given up ends so, and what it began stops',
  async (stage) => {
    const [alice] = await people(stage);
    await alice.takeSeat();
    expect(await alice.page.evaluate(() => probe.lab.giveUp(3_000))).toBe('cancelled');
    await until(
      'omega to stop',
      async () => (await alice.page.evaluate(() => probe.lab.omega())) === 'idle',
      5_000, // on its way it would be for 50 s
    );
  },
  { site, on: [shared, skewed] },
);

scenario(
  'people on a hub of this version and on one of the next work together',
  async (stage) => {
    const [alice, bob] = await people(stage);
    expect(await bob.page.evaluate(() => probe.lab.version())).toBe('next');
    expect(await alice.page.evaluate(() => probe.lab.version())).not.toBe('next');
    await bob.takeSeat();
    await alice.says('Bob is in control');
    await bob.addToQueue(360, 'Lys-01', 'Ins-02');
    await alice.ordered('1. Lys-01, Collection', '2. Ins-02, Collection');
    await alice.saying('Ask for control', 'may I?', 'Ask');
  },
  { site, on: [skewed] },
);
