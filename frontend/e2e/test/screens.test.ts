/** Screens as people see them: kept as pictures, and looked over by axe. All states of all: looks.test.ts. */

import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { violations } from '../src/axe.ts';
import { oneOrAll, picture, scenario } from '../src/scenario.ts';

/** What axe finds, in both colour schemes; a picture of each is kept. */
async function looked(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  // A colour on its way to another is none that people read.
  await page.addStyleTag({ content: '* { transition: none !important; animation: none !important }' });
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.waitForFunction(
      (is) => (document.documentElement.dataset.mantineColorScheme ?? is) === is, // documents have no such mark
      scheme,
    );
    found.push(...(await violations(page)).map((what) => `${name} ${scheme}: ${what}`));
    await picture(page, `screen ${name} ${scheme}`);
  }
  return found;
}

scenario(
  'two people see the crystal, the queue that one drags, and nothing that axe objects to',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const door = await his.open(stage.hub(1));
    await door.page.getByLabel('User name').waitFor();
    await picture(door.page, 'screen sign-in');
    const bob = await door.signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02', 'Ins-03');
    await picture(bob.page, 'screen observer');

    // One drags the last entry to the top; the other sees it move.
    const grip = alice.entry('Ins-03').getByRole('button', { name: 'Drag Ins-03' });
    const [from, to] = [await grip.boundingBox(), await alice.entry('Lys-01').boundingBox()];
    if (!from || !to) throw new Error('the entries cannot be seen');
    await alice.page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await alice.page.mouse.down();
    await alice.page.mouse.move(from.x + 4, to.y + 30, { steps: 8 });
    await alice.page.mouse.move(from.x + 4, to.y + 4, { steps: 8 });
    await alice.page.mouse.up();
    await bob.ordered('1. Ins-03, Collection', '2. Lys-01, Collection', '3. Ins-02, Collection');

    // One mounts a sample and both look at it; the one sees where the other points.
    await alice.sample('Lys-02').click();
    await alice.page.getByRole('button', { name: 'Mount', exact: true }).click();
    await bob.page.getByRole('tab', { name: 'Sample view' }).click();
    await alice.page.getByRole('button', { name: 'Centre by clicks' }).click();
    const crystal = alice.page.getByRole('button', { name: 'Sample view: click on the crystal' });
    await crystal.waitFor();
    await bob.page.getByRole('button', { name: 'Sample view: point, and others see where' }).hover();
    await alice.page.locator('svg text').filter({ hasText: 'Bob' }).waitFor();
    const found = await looked(alice.page, 'sample view');
    await crystal.click();
    await bob.page.getByText('Waits for click 2 of 3').waitFor();

    expect(found).toEqual([]);
  },
  { on: oneOrAll },
);

scenario(
  'an administrator closes a connection, which comes back; axe does not object to the documentation',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const ada = await (await hers.open(stage.hub(0))).signIn('ada');
    const bob = await (await his.open(stage.hub(1))).signIn('bob');
    await ada.menu('Ada', 'Administration');
    for (const page of ['Nodes', 'Connections', 'Sessions', 'Tokens', 'Stores', 'Tasks']) {
      await ada.page.getByRole('tab', { name: page }).click();
      await ada.page.getByRole('tabpanel').getByRole('heading').first().waitFor();
      await picture(ada.page, `screen admin ${page}`);
    }
    await ada.page.getByRole('tab', { name: 'Connections' }).click();
    const close = ada.page.getByRole('button', { name: /^Close the connection .* of Bob$/ });
    const closed = (await close.getAttribute('aria-label')) ?? '';
    await close.click();
    const dialog = ada.page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Close the connection' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await ada.page.getByRole('button', { name: closed }).waitFor({ state: 'detached' });
    await close.waitFor(); // it came back by itself, as another
    await bob.live();
    const docs = (await hers.open(stage.hub(0), '/docs/')).page;
    await docs.getByRole('heading', { name: 'Baton', exact: true }).waitFor();
    expect(await looked(docs, 'documentation')).toEqual([]);
  },
  { on: oneOrAll },
);
