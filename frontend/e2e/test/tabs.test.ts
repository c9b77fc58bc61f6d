import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

const live = (tab: Tab) => until('the tab to be live', () => tab.page.evaluate(() => probe.shared.live()));
const heard = (tab: Tab) => tab.page.evaluate(() => probe.shared.heard());

/** Ten tabs of one browser, each with nothing but the client, and all with one connection. */
async function ten(stage: Stage): Promise<Tab[]> {
  const computer = await stage.computer();
  const tabs: Tab[] = [];
  for (let i = 0; i < 10; i++) {
    const tab = await computer.open(stage.hub(0), '/healthz');
    if (i === 0) await tab.page.evaluate(() => probe.shared.signIn('demo', 'alice'));
    await live(tab);
    tabs.push(tab);
  }
  return tabs;
}

/** How many connections the hub has of the person in a tab. */
const connections = (tab: Tab) =>
  tab.page.evaluate(async () => {
    const { sessions } = await (await fetch('/api/v1/sessions')).json();
    return sessions.map((s: { tabs: number }) => s.tabs).join();
  });

const one = (tab: Tab) => until('one connection', async () => (await connections(tab)) === '1');

scenario(
  'ten tabs have one connection, and go on when the tab that has it is closed, or stands still',
  async (stage) => {
    const tabs = await ten(stage);
    const [first, second, third] = tabs as [Tab, Tab, Tab];
    await one(third);
    expect(await third.page.evaluate(() => probe.shared.members())).toContain('alice 1');

    // The first has the connection. The third talks all the while, and has to wait a moment at most.
    await third.page.evaluate(() => void probe.shared.keepTalking('third'));
    await until('some talk', () => third.page.evaluate(() => probe.shared.talk.count > 5));
    await first.page.close({ runBeforeUnload: false });
    const count = await third.page.evaluate(() => probe.shared.talk.count);
    await until('more talk', () => third.page.evaluate((n) => probe.shared.talk.count > n + 15, count));
    const talk = await third.page.evaluate(() => {
      probe.shared.talk.running = false;
      return probe.shared.talk;
    });
    console.log(
      `the longest of ${talk.count} answers took ${Math.round(talk.longest)} ms, over a change of the leading tab`,
    );
    expect(talk.longest).toBeLessThan(2_000); // 200 ms, on a machine that is not busy
    await one(third);

    // Now the second has it. It stands still right after it has sent something, for itself.
    await second.page.evaluate(() => probe.shared.sayAndStop('from the tab that stands still', 5_000));
    await third.page.evaluate(() => probe.shared.say('meanwhile'));
    await until('the outcome', async () => (await second.page.evaluate(() => probe.shared.said())) !== '');
    await one(third);

    // Everything was said once, and every tab has heard the same.
    const said = await heard(third);
    expect(new Set(said).size).toBe(said.length);
    expect(said.filter((text) => text.startsWith('third')).length).toBe(talk.count);
    expect(said).toContain('from the tab that stands still');
    expect(said).toContain('meanwhile');
    for (const tab of tabs.slice(1))
      await until('the same talk', async () => `${await heard(tab)}` === `${said}`);
  },
  { on: ['one hub'] },
);
