import { expect } from 'vitest';
import { layouts } from '../src/installation.ts';
import { type Computer, type Stage, scenario } from '../src/scenario.ts';
import { lingering } from '../src/sites.ts';
import { seat, status, type Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

/** The number that the entry shows which the writer counts up. */
const counter = { selector: 'li[aria-label^="1. Lys-01"]', match: '1([0-9]{5}) images' };
const shown = (n: number) => String(n).padStart(5, '0');

scenario(
  'kill -9 of a hub in the middle of writes loses nothing and shows nothing wrong',
  async (stage) => {
    const { hers, writer, tabs, away } = await people(stage);
    const hub = stage.hub(0);
    await confirmed(writer, 20);
    await hub.process.kill();
    for (const tab of away) await tab.page.getByRole('status', { name: 'Connection: Connecting' }).waitFor();
    const known = await writer.confirmed();
    await hub.start();
    for (const tab of away) {
      await tab.live(); // by itself
      expect(Number((await tab.seen('counter')).at(-1))).toBeGreaterThanOrEqual(known);
    }
    await confirmed(writer, known + 20);
    await nothingLost(stage, hers, writer, tabs);
    for (const tab of tabs.filter((one) => !away.includes(one))) {
      expect(await tab.seen('status'), 'a tab of the other hub').toEqual(['Live']);
    }
  },
  { site: lingering, on: layouts },
);

scenario(
  'kill -9 of NATS in the middle of writes loses nothing and shows nothing wrong',
  async (stage) => {
    const { hers, writer, tabs } = await people(stage);
    for (let round = 0; round < 2; round++) {
      await confirmed(writer, (await writer.confirmed()) + 20);
      await stage.installation.nats?.kill();
      const known = await writer.confirmed();
      await stage.installation.nats?.start();
      await confirmed(writer, known + 20);
    }
    await nothingLost(stage, hers, writer, tabs);
  },
  { site: lingering, on: ['two hubs on NATS and Redis'] },
);

interface People {
  readonly hers: Computer;
  /** Alice's, on the first hub; writes all the time. */
  readonly writer: Tab;
  readonly tabs: readonly Tab[];
  /** Those of the first hub. */
  readonly away: readonly Tab[];
}

/** Two tabs of alice, who is the operator, and one of bob. */
async function people(stage: Stage): Promise<People> {
  const [hers, his] = [await stage.computer(), await stage.computer()];
  const writer = await (await hers.open(stage.hub(0))).signIn('alice');
  const second = await (await hers.open(stage.hub(1))).live();
  const bob = await (await his.open(stage.hub(1))).signIn('bob');
  await writer.takeSeat();
  await bob.says('Alice is in control');
  const tabs = [writer, second, bob];
  for (const tab of tabs) {
    await tab.watch('counter', counter);
    await tab.watch('status', status);
    await tab.watch('seat', seat);
  }
  await writer.write();
  return { hers, writer, tabs, away: tabs.filter((tab) => tab.hub === stage.hub(0)) };
}

async function confirmed(tab: Tab, n: number): Promise<void> {
  await until(`write ${n} to be confirmed`, async () => (await tab.confirmed()) >= n);
}

/** Stops the writer, and holds what everybody saw against what was confirmed. */
async function nothingLost(stage: Stage, hers: Computer, writer: Tab, tabs: readonly Tab[]): Promise<void> {
  const last = await writer.stopWriting();
  for (const tab of tabs) {
    await tab.painted('counter', shown(last));
    // The counter only grows, so a value that is wrong, or older than one before, is out of order.
    const numbers = (await tab.seen('counter')).map(Number);
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await tab.live();
  }
  // A page that never saw any of it is told the same by the hub; so is one of the other hub.
  for (const hub of new Set(stage.installation.hubs)) {
    const fresh = await (await hers.open(hub)).live(); // the sign-in is there
    await fresh.says('You are in control');
    await fresh
      .entry('Lys-01')
      .getByText(`1${shown(last)} images`)
      .waitFor();
    const marks = await until('the marks', () => fresh.marked());
    expect(marks.sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  }
  const [, , bob] = tabs;
  expect(await bob?.seen('seat')).toEqual(['Alice is in control']);
}
