import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { Renderer } from '../src/renderer.ts';
import { oneOrAll, type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

/** What the administrators' page asks: the connections of a person. */
async function connections(ada: Tab, user: string): Promise<number> {
  return ada.page.evaluate(async (who) => {
    const found = await (await fetch('/api/v1/spaces/demo/connections')).json();
    return found.connections.filter((one: { user: string }) => one.user === who).length;
  }, user);
}

const one = (ada: Tab) => until('one connection', async () => (await connections(ada, 'alice')) === 1);

/** The tab that has the connection. */
const leading = (tabs: readonly Tab[]) =>
  until('one tab to have the connection', () => tabs.find(({ sockets }) => sockets > 0));

/** So many tabs of one browser of alice. */
async function several(stage: Stage, count: number): Promise<Tab[]> {
  const hers = await stage.computer();
  const tabs = [await (await hers.open(stage.hub(0))).signIn('alice')];
  while (tabs.length < count) tabs.push(await hers.open(stage.hub(0)));
  await Promise.all(tabs.map((tab) => tab.live()));
  return tabs;
}

async function administrator(stage: Stage): Promise<Tab> {
  const ada = await (await stage.computer()).open(stage.hub(1), '/healthz');
  await ada.page.evaluate(() => probe.shared.signIn('demo', 'ada'));
  return ada;
}

/** Moves an entry down and up again, so many times. */
function press(tab: Tab, every: number, times: number): Promise<void> {
  return tab.page.evaluate(
    async ([pause, count]) => {
      for (let i = 0; i < count; i++) {
        const how = i % 2 === 0 ? 'down' : 'up';
        document.querySelector<HTMLElement>(`[aria-label="Move Lys-01 ${how}"]`)?.click();
        await new Promise((next) => setTimeout(next, pause));
      }
    },
    [every, times] as const,
  );
}

const queueHead = { selector: 'ol[aria-label="Queue entries"] > li', attribute: 'aria-label' };

scenario(
  'ten tabs of a browser are one connection and one person; one takes control and one signs out, for all',
  async (stage) => {
    const ada = await administrator(stage);
    const hers = await stage.computer();
    const tabs = [await (await hers.open(stage.hub(0))).signIn('alice')];
    while (tabs.length < 10) tabs.push(await hers.openBeside(stage.hub(0)));
    await Promise.all(tabs.map((tab) => tab.live()));
    await one(ada);
    const [first, last] = [tabs[0], tabs[9]] as [Tab, Tab];
    expect(tabs.filter(({ sockets }) => sockets > 0)).toEqual([first]);
    await last.page.getByRole('button', { name: '1 person is here' }).waitFor();

    await last.control.getByRole('button', { name: 'Take the seat' }).dispatchEvent('click');
    for (const tab of tabs) await tab.says('You are in control');
    await last.page.getByRole('button', { name: 'Signed in as Alice' }).dispatchEvent('click');
    await last.page.getByRole('menuitem', { name: 'Sign out' }).dispatchEvent('click');
    for (const tab of tabs) await tab.atTheDoor();
    await until('no connection', async () => (await connections(ada, 'alice')) === 0);
    expect(await first.stored()).toEqual([]);
  },
  { on: oneOrAll },
);

scenario(
  'when the tab that has the connection is closed, the others go on, and nothing is lost',
  async (stage) => {
    const ada = await administrator(stage);
    const bob = await (await (await stage.computer()).open(stage.hub(1))).signIn('bob');
    const tabs = await several(stage, 3);
    const [first] = tabs as [Tab];
    await first.takeSeat();
    await first.addToQueue(360, 'Lys-01', 'Ins-02');
    const order = ['1. Lys-01, Collection', '2. Ins-02, Collection'];
    await bob.ordered(...order);
    await bob.watch('first', queueHead);

    // Another one works meanwhile. Bob sees for how long nothing comes.
    const begun = await leading(tabs);
    const [worker, third] = tabs.filter((tab) => tab !== begun) as [Tab, Tab];
    await worker.ordered(...order);
    const pressed = press(worker, 100, 24);
    await until('some of it', async () => (await bob.seen('first')).length > 5);
    await begun.page.close({ runBeforeUnload: false });
    await pressed;
    await until('all of it', async () => (await worker.page.locator('[data-mark=saving]').count()) === 0);
    for (const tab of [bob, worker, third]) await tab.ordered(...order);
    expect(await worker.page.locator('[data-mark]').count(), 'nothing was refused').toBe(0);
    const at = (await bob.sights('first')).map((sight) => sight.at);
    const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    console.log(
      `over a change of the leading tab, what is pressed every 100 ms was seen after at most ${Math.round(Math.max(...gaps))} ms`,
    );
    expect(Math.max(...gaps)).toBeLessThan(10_000); // 300 ms, on a machine that is not busy
    await one(ada);
    await worker.journal('Alice took the vacant seat');
    expect(await worker.records.getByText('lost').count()).toBe(0); // she was in control all the while
  },
  { on: oneOrAll },
);

scenario(
  'when the tab that has the connection stands still with a change on its way, the others go on without it, and it learns that the change was made',
  async (stage) => {
    const ada = await administrator(stage);
    const tabs = await several(stage, 3);
    const [first] = tabs as [Tab];
    await first.takeSeat();
    await first.addToQueue(360, 'Lys-01', 'Ins-02');
    await Promise.all(tabs.map((tab) => tab.entry('Ins-02').waitFor()));
    const still = await leading(tabs);
    const [second, third] = tabs.filter((tab) => tab !== still) as [Tab, Tab];
    const [process] = await Renderer.of(still.page);
    await still.page.evaluate(() =>
      document.querySelector<HTMLElement>('[aria-label="Move Lys-01 down"]')?.click(),
    );
    process?.freeze();
    await second.say('we go on');
    await second.chat.getByText('we go on').waitFor();
    const order = ['1. Ins-02, Collection', '2. Lys-01, Collection'];
    for (const tab of [second, third]) await tab.ordered(...order);
    process?.thaw();
    await still.ordered(...order);
    await still.live();
    await until('its outcome', async () => (await still.page.locator('[data-mark]').count()) === 0);
    await one(ada);
    await still.says('You are in control'); // all the while
    await still.journal('Alice took the vacant seat');
    expect(await still.records.getByText('lost').count()).toBe(0);
  },
  { on: oneOrAll },
);

scenario(
  'the tabs of a browser are of one person: who signs in in one is signed in in all, and gets nothing of the one before',
  async (stage) => {
    const hers = await stage.computer();
    const [door, alice] = [await hers.open(stage.hub(0)), await hers.open(stage.hub(0))];
    for (const tab of [door, alice]) await tab.page.getByLabel('User name').waitFor();
    await alice.signIn('alice');
    await door.page.getByRole('button', { name: 'Signed in as Alice' }).waitFor();
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01');
    await until('it to be remembered', async () => (await alice.kept('queue')).length === 1);
    // By a page that is not the app, as there is no way in to it while somebody is signed in.
    const quiet = await hers.open(stage.hub(0), '/healthz');
    await quiet.page.evaluate(async () => {
      await probe.shared.signIn('demo', 'bob');
      new BroadcastChannel('baton signed in').postMessage('');
    });
    for (const tab of [door, alice]) {
      await tab.page.getByRole('button', { name: 'Signed in as Bob' }).waitFor();
      await tab.live();
    }
    await until('only what is his', async () => {
      const { channels } = await door.page.evaluate(() => probe.database());
      return channels.length > 0 && channels.every(({ text }) => text.includes('"user":"bob"'));
    });
  },
  { on: oneOrAll },
);
