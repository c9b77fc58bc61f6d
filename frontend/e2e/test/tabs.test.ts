import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { oneOrAll, oneOrBoth, type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

const live = (tab: Tab) => until('the tab to be live', () => tab.page.evaluate(() => probe.shared.live()));
const heard = (tab: Tab) => tab.page.evaluate(() => probe.shared.heard());

/** Ten tabs of one browser, each with nothing but the client, and all with one connection. */
async function ten(stage: Stage): Promise<Tab[]> {
  const computer = await stage.computer();
  const another = () => computer.open(stage.hub(0), '/healthz');
  const first = await another();
  await first.page.evaluate(() => probe.shared.signIn('demo', 'alice'));
  await live(first);
  const others: Tab[] = [];
  while (others.length < 9) {
    const tab = await another();
    await tab.page.evaluate(() => probe.shared.live()); // begins to connect
    others.push(tab);
  }
  await Promise.all(others.map(live));
  return [first, ...others];
}

/** How many connections the hub has of the person in a tab. */
const connections = (tab: Tab) =>
  tab.page.evaluate(async () => {
    const { sessions } = await (await fetch('/api/v1/sessions')).json();
    return sessions.map((s: { tabs: number }) => s.tabs).join();
  });

const one = (tab: Tab) => until('one connection', async () => (await connections(tab)) === '1');

scenario(
  'ten tabs have one connection, and go on when the tab that has it is closed',
  async (stage) => {
    const tabs = await ten(stage);
    const [first, last] = [tabs[0], tabs[9]] as [Tab, Tab];
    await one(last);
    expect(await last.page.evaluate(() => probe.shared.members())).toContain('alice 1');

    // The first has the connection. The last talks all the while, and has to wait a moment at most.
    await last.page.evaluate(() => void probe.shared.keepTalking('last'));
    await until('some talk', () => last.page.evaluate(() => probe.shared.talk.count > 5));
    await first.page.close({ runBeforeUnload: false });
    const count = await last.page.evaluate(() => probe.shared.talk.count);
    await until('more talk', () => last.page.evaluate((n) => probe.shared.talk.count > n + 15, count));
    const talk = await last.page.evaluate(() => {
      probe.shared.talk.running = false;
      return probe.shared.talk;
    });
    console.log(
      `the longest of ${talk.count} answers took ${Math.round(talk.longest)} ms, over a change of the leading tab`,
    );
    // On a machine that has nothing else to do, as for `make soak`; a cluster has a machine of its own for each of its parts.
    const promised = stage.installation.layout === 'one hub' ? 200 : 500;
    expect(talk.longest).toBeLessThan(process.env.BATON_LAYOUTS === 'all' ? promised : 10_000);
    await one(last);

    // Everything was said once, and every tab has heard the same.
    const said = await heard(last);
    expect(new Set(said).size).toBe(said.length);
    expect(said.filter((text) => text.startsWith('last')).length).toBe(talk.count);
    for (const tab of tabs.slice(1))
      await until('the same talk', async () => `${await heard(tab)}` === `${said}`);
  },
  { on: oneOrAll },
);

scenario(
  'what was said without a hub is said once when the browser is opened again, which shows at once what it had seen',
  async (stage) => {
    const profile = await stage.folder();
    const first = await stage.profile(profile);
    const before = await first.open(stage.hub(0), '/healthz');
    await before.page.evaluate(() => probe.shared.signIn('demo', 'alice'));
    await live(before);
    await before.page.evaluate(() => probe.shared.say('with a hub'));
    await until('the picture', async () => {
      const { channels } = await before.page.evaluate(() => probe.database());
      return channels.some(({ text }) => text.includes('with a hub'));
    });
    await stage.hub(0).process.kill();
    await before.page.evaluate(() => void probe.shared.say('without a hub'));
    await until('it to be kept', () => before.page.evaluate(() => probe.shared.waiting() === 1));
    await first.close();

    await stage.hub(0).start();
    const again = await stage.profile(profile);
    const line = await again.line();
    line.hold();
    const after = await again.open(stage.hub(0), '/healthz');
    await until('the picture', async () => (await heard(after)).includes('with a hub'));
    expect(await after.page.evaluate(() => probe.shared.status())).toBe('connecting');
    line.release();
    await until('it to be said', async () => (await heard(after)).includes('without a hub'));
    await until('nothing to wait', () => after.page.evaluate(() => probe.shared.waiting() === 0));
    expect(await heard(after)).toEqual(['with a hub', 'without a hub']);
  },
  { on: oneOrBoth },
);
