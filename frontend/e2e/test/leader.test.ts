import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { type Computer, oneOrBoth, type Stage, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

declare const probe: Probe; // in the page

const heard = (tab: Tab) => tab.page.evaluate(() => probe.shared.heard());

/** Another tab of the person who is signed in, with nothing but the client. */
async function tab(stage: Stage, computer: Computer): Promise<Tab> {
  const opened = await computer.open(stage.hub(0), '/healthz');
  await until('the tab to be live', () => opened.page.evaluate(() => probe.shared.live()));
  return opened;
}

/** Two tabs of alice, of which the first has the connection of both. It has said something that the hub has not read. */
async function unanswered(stage: Stage): Promise<{ computer: Computer; leading: Tab; other: Tab }> {
  const computer = await stage.computer();
  const leading = await computer.open(stage.hub(0), '/healthz');
  await leading.page.evaluate(() => probe.shared.signIn('demo', 'alice'));
  await until('the tab to be live', () => leading.page.evaluate(() => probe.shared.live()));
  const other = await tab(stage, computer);
  expect(await leading.page.evaluate(() => probe.shared.sockets())).toBe(1);
  expect(await other.page.evaluate(() => probe.shared.sockets())).toBe(0);
  await stage.hub(0).standStill();
  await leading.page.evaluate(() => probe.shared.sayIt('once'));
  await until('it to be kept', () => other.page.evaluate(kept));
  return { computer, leading, other };
}

scenario(
  'what the tab that has the connection has said is said once when it is killed before the answer',
  async (stage) => {
    const { computer, leading, other } = await unanswered(stage);
    const session = await leading.page.context().newCDPSession(leading.page);
    const crashed = new Promise((done) => leading.page.once('crash', done));
    void session.send('Page.crash').catch(() => {}); // it does not live to answer
    await crashed;
    await leading.page.close();
    stage.hub(0).goOn();
    await until('it to be said', async () => (await heard(other)).includes('once'));
    await until('nothing to wait', () => other.page.evaluate(() => probe.shared.waiting() === 0));
    await other.page.evaluate(() => probe.shared.say('afterwards'));
    const again = await tab(stage, computer); // what its person opens again
    for (const one of [other, again]) expect(await heard(one)).toEqual(['once', 'afterwards']);
    expect(await again.page.evaluate(() => probe.shared.waiting())).toBe(0);
  },
  { on: oneOrBoth },
);

/** The browser has what was said in its database, for whoever looks. */
async function kept(): Promise<boolean> {
  const opening = indexedDB.open(`baton ${location.origin}`);
  await new Promise((done) => {
    opening.onsuccess = done;
  });
  const all = opening.result.transaction('changes').objectStore('changes').getAll();
  await new Promise((done) => {
    all.onsuccess = done;
  });
  opening.result.close();
  return JSON.stringify(all.result).includes('once');
}
