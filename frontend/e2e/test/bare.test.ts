import { expect } from 'vitest';
import { oneOrAll, scenario } from '../src/scenario.ts';
import { patient } from '../src/sites.ts';

scenario(
  'in a browser without a database, locks and channels between tabs each tab has its own connection, and everything works but what outlives a page',
  async (stage) => {
    const hers = await stage.computer({ bare: true });
    const line = await hers.line();
    const complaints: string[] = [];
    const alice = await hers.open(stage.hub(0));
    alice.page.on('pageerror', (err) => complaints.push(String(err)));
    await alice.signIn('alice');
    const second = await (await hers.open(stage.hub(0))).live();
    second.page.on('pageerror', (err) => complaints.push(String(err)));
    expect(
      await alice.page.evaluate(() => [
        globalThis.indexedDB,
        navigator.locks,
        globalThis.BroadcastChannel,
        navigator.serviceWorker,
      ]),
    ).toEqual([undefined, undefined, undefined, undefined]);
    expect(line.opened, 'each tab has a connection of its own').toBe(2);
    await second.page.getByRole('button', { name: '1 person is here' }).waitFor(); // twice

    await second.takeSeat();
    await alice.says('You are in control');
    await alice.addToQueue(360, 'Lys-01', 'Ins-02');
    await second.ordered('1. Lys-01, Collection', '2. Ins-02, Collection');

    // What is changed while the line is cut waits in the page, and is done once when it is whole again.
    await line.cut();
    await alice.page.getByRole('status', { name: 'Connection: Connecting' }).waitFor();
    await alice.entry('Ins-02').getByRole('button', { name: 'Move Ins-02 up' }).click();
    await alice.entry('Ins-02').locator('[data-mark=saving]').waitFor();
    line.mend();
    for (const tab of [alice, second]) await tab.live();
    for (const tab of [alice, second]) await tab.ordered('1. Ins-02, Collection', '2. Lys-01, Collection');

    // A page that is loaded again begins with nothing, and comes to the same.
    await alice.page.reload();
    await alice.live();
    await alice.says('You are in control');
    await alice.ordered('1. Ins-02, Collection', '2. Lys-01, Collection');

    await alice.signOut('Alice');
    for (const tab of [alice, second]) await tab.atTheDoor();
    expect(complaints).toEqual([]);
  },
  { on: oneOrAll, site: patient },
);
