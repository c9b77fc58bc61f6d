/**
 * A tab that the browser freezes, or the system kills for its memory, while it has the connection of all tabs: its process is
 * stopped, as nothing within a page can be, in the middle of what it does, with its socket and its locks.
 */

import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { Renderer } from '../src/renderer.ts';
import { oneOrBoth, onlyAll, type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

/** What the client promises; see its README. */
const promised = 5_000;
/** More than that on a machine that has other things to do than `make soak`. */
const slack = process.env.BATON_LAYOUTS === 'all' ? 1.1 : 4;

interface Frozen {
  /** The tab that had the connection. */
  readonly still: Tab;
  readonly process: Renderer;
  readonly others: readonly [Tab, Tab];
}

const heard = (tab: Tab) => tab.page.evaluate(() => probe.shared.heard());
const say = (tab: Tab, text: string) => tab.page.evaluate((t) => void probe.shared.sayIt(t), text);
const said = (tab: Tab) => tab.page.evaluate(() => probe.shared.outcomes());

type Three<T> = readonly [T, T, T];

/** Three tabs of alice, of which the first has the connection, and their processes. */
async function three(stage: Stage): Promise<{ tabs: Three<Tab>; processes: Three<Renderer> }> {
  const computer = await stage.computer();
  const opened: Tab[] = [];
  for (const n of [0, 1, 2]) {
    const tab = await computer.open(stage.hub(0), '/healthz');
    if (n === 0) await tab.page.evaluate(() => probe.shared.signIn('demo', 'alice'));
    await until('the tab to be live', () => tab.page.evaluate(() => probe.shared.live()));
    opened.push(tab);
  }
  const tabs = opened as [Tab, Tab, Tab];
  const processes = (await Renderer.of(...tabs.map(({ page }) => page))) as [Renderer, Renderer, Renderer];
  expect(new Set(processes.map(({ pid }) => pid)).size, 'each tab has a process of its own').toBe(3);
  expect(await Promise.all(tabs.map(sockets))).toEqual([1, 0, 0]);
  return { tabs, processes };
}

/** The first is frozen with a write of its own and one of another tab unanswered. */
async function frozen(stage: Stage): Promise<Frozen> {
  const {
    tabs: [still, one, two],
    processes: [process],
  } = await three(stage);
  await stage.hub(0).standStill();
  await say(still, 'its own');
  await say(one, 'of another');
  for (const text of ['its own', 'of another'])
    await until(`it to have sent ${text}`, () => still.page.evaluate((t) => probe.shared.carried(t), text));
  process.freeze();
  stage.hub(0).goOn(); // it does both, and tells a page that does not hear
  return { still, process, others: [one, two] };
}

const sockets = (tab: Tab) => tab.page.evaluate(() => probe.shared.sockets());

/** What the hub says of the connections of the person. */
async function connections(tab: Tab): Promise<string> {
  return tab.page.evaluate(async () => {
    const { sessions } = await (await fetch('/api/v1/sessions')).json();
    return sessions.map((s: { tabs: number }) => s.tabs).join();
  });
}

/** Waits until what was said in tabs is known to be said, and holds how long that took against what is promised. */
async function inTime(...what: readonly (readonly [Tab, string])[]): Promise<void> {
  const begun = performance.now();
  for (const [tab, text] of what)
    await until(`it to be known that ${text} is said`, async () => (await said(tab))[text] === 'said');
  const took = performance.now() - begun;
  console.log(`the others went on ${Math.round(took)} ms after the tab that had the connection was frozen`);
  expect(took).toBeLessThan(promised * slack);
}

/** The others go on without it, and one says something meanwhile, which it is to carry too. */
async function goOn({ others: [one, two] }: Frozen): Promise<void> {
  await say(two, 'meanwhile');
  await inTime([one, 'of another'], [two, 'meanwhile']);
}

/** There is one connection, over which all has come, and it is one person who is here. */
async function one(...tabs: readonly Tab[]): Promise<void> {
  await until('one connection', async () => (await connections(tabs[0] as Tab)) === '1');
  await until('one socket', async () => {
    const open = await Promise.all(tabs.map(sockets));
    return open.reduce((sum, n) => sum + n) === 1;
  });
  for (const tab of tabs) {
    await until('one member', async () => {
      const members = await tab.page.evaluate(() => probe.shared.members());
      return `${members.filter((member) => member.startsWith('alice'))}` === 'alice 1';
    });
    await until('nothing to wait', () => tab.page.evaluate(() => probe.shared.waiting() === 0));
  }
}

const all = ['its own', 'meanwhile', 'of another'];

scenario(
  'a tab that is frozen while it has the connection, with a write of its own and one of another on their way: the others go on in time, each is done once, and after the thaw it knows, and there is one connection and one member',
  async (stage) => {
    const found = await frozen(stage);
    const { still, process, others } = found;
    await goOn(found);
    process.thaw();
    await until('it to learn of its own', async () => (await said(still))['its own'] === 'said');
    const tabs = [still, ...others];
    for (const tab of tabs) {
      await until('all that was said', async () => (await heard(tab)).length === all.length);
      expect((await heard(tab)).sort()).toEqual(all);
    }
    await one(...tabs);
  },
  { on: oneOrBoth },
);

scenario(
  'a tab that is frozen while it has the connection, and then killed: its own write is done once, too',
  async (stage) => {
    const found = await frozen(stage);
    const { process, others } = found;
    await goOn(found);
    process.kill();
    for (const tab of others) {
      await until('all that was said', async () => (await heard(tab)).length === all.length);
      expect((await heard(tab)).sort()).toEqual(all);
    }
    await one(...others);
  },
  { on: onlyAll },
);

scenario(
  'a tab that is frozen when it comes to have the connection, as the one before is closed: the others do not wait for it',
  async (stage) => {
    const {
      tabs: [first, still, other],
      processes: [, process],
    } = await three(stage);
    process.freeze(); // the next one in the line for the lock
    await first.page.close();
    await say(other, 'we go on');
    await inTime([other, 'we go on']);
    process.thaw();
    await say(still, 'so do I');
    for (const tab of [still, other])
      await until('both', async () => `${await heard(tab)}` === 'we go on,so do I');
    await one(still, other);
  },
  { on: onlyAll },
);
