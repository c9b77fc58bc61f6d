import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { oneOrAll, picture, scenario } from '../src/scenario.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

scenario(
  'a page that was left and is come back to is the same page, live and current, and changes what it can again',
  async (stage) => {
    const hers = await stage.profile(await stage.folder(), { keepsPages: true });
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const bob = await (await (await stage.computer()).open(stage.hub(1))).signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01');
    await until('it to be saved', async () => (await alice.unanswered()) === 0);
    let found: { same?: boolean | undefined; shown?: boolean[] | undefined } = {};
    for (let n = 0; n < 3 && !found.same; n++) {
      // Chromium does not promise to keep a page: three times it may load it instead.
      await alice.page.evaluate(() => {
        Object.assign(globalThis, { sameAsBefore: true, shown: [] as boolean[] });
        addEventListener('pageshow', ({ persisted }) =>
          (globalThis as never as { shown: boolean[] }).shown.push(persisted),
        );
      });
      await alice.page.goto(`${stage.hub(0).url}/docs/`);
      if (n === 0) await bob.say('while you were away');
      await bob.chat.getByText('while you were away').waitFor();

      await alice.page.goBack({ waitUntil: 'commit' }); // a page that was kept is not loaded
      await alice.live();
      found = await alice.page.evaluate(() => {
        const { sameAsBefore, shown } = globalThis as never as { sameAsBefore?: boolean; shown?: boolean[] };
        return { same: sameAsBefore, shown };
      });
    }
    expect([found.same, found.shown], 'the browser has kept the page').toEqual([true, [true]]);
    await alice.page.getByRole('tab', { name: /^Chat/ }).click();
    await alice.chat.getByText('while you were away').waitFor();
    await alice.says('You are in control');
    await alice.addToQueue(360, 'Ins-02');
    await bob.entry('Ins-02').waitFor();
    await picture(alice.page, 'come back to');
  },
  { on: oneOrAll },
);

scenario(
  'on a slow network the page is there before the hub has answered, marked, and then confirmed',
  async (stage) => {
    const hers = await stage.computer();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01');
    await until('it to be remembered', async () => (await alice.kept('queue')).length === 1);
    await alice.keptItself();
    const away = 4_000;
    await hers.slow(alice, away);
    const begun = performance.now();
    await alice.page.reload({ waitUntil: 'commit' });
    await alice.entry('Lys-01').waitFor();
    const painted = performance.now() - begun;
    expect(await alice.page.getByRole('status', { name: 'Connection: Live' }).count()).toBe(0);
    await alice.queue.getByText('Stale').waitFor({ state: 'attached' });
    await alice.live();
    const live = performance.now() - begun;
    await alice.queue.getByText('Stale').waitFor({ state: 'detached' });
    await alice.says('You are in control');
    console.log(
      `at ${away} ms to the hub and back, the page was there after ${Math.round(painted)} ms, and live after ${Math.round(live)} ms`,
    );
    expect(live).toBeGreaterThan(away);
    expect(painted).toBeLessThan(live);
  },
  { on: oneOrAll },
);
