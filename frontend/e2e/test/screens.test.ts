/** Every screen as people see it, on one hub: kept as pictures, and looked over by axe in both colour schemes. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
declare const window: {
  axe: { run(what: unknown, how: unknown): Promise<{ violations: readonly Violation[] }> };
};

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
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() =>
      window.axe.run(document, { resultTypes: ['violations'] }),
    );
    for (const { id, nodes } of violations)
      found.push(`${name} ${scheme}: ${id}: ${nodes[0]?.html.slice(0, 160)}`);
    await picture(page, `screen ${name} ${scheme}`);
  }
  return found;
}

scenario(
  'two people see the crystal, the queue that one drags, and nothing that axe objects to',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const door = await his.open(stage.hub(0));
    await door.page.getByLabel('User name').waitFor();
    const found = await looked(door.page, 'sign-in');
    const bob = await door.signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02', 'Ins-03');
    found.push(...(await looked(bob.page, 'observer')));

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
    const picture = alice.page.getByRole('button', { name: 'Sample view: click on the crystal' });
    await picture.waitFor();
    await bob.page.getByRole('button', { name: 'Sample view: point, and others see where' }).hover();
    await alice.page.locator('svg text').filter({ hasText: 'Bob' }).waitFor();
    found.push(...(await looked(alice.page, 'sample view')));
    await picture.click();
    await bob.page.getByText('Waits for click 2 of 3').waitFor();

    await alice.page.getByRole('tab', { name: 'Scan', exact: true }).click();
    found.push(...(await looked(alice.page, 'scan')));
    expect(found).toEqual([]);
  },
  { on: ['one hub'] },
);

scenario(
  'an administrator closes a connection, which comes back; axe objects to no page, nor to the documentation',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const ada = await (await hers.open(stage.hub(0))).signIn('ada');
    const bob = await (await his.open(stage.hub(0))).signIn('bob');
    const found: string[] = [];
    await ada.menu('Ada', 'Administration');
    for (const page of ['Nodes', 'Connections', 'Sessions', 'Tokens', 'Stores', 'Tasks']) {
      await ada.page.getByRole('tab', { name: page }).click();
      await ada.page.getByRole('tabpanel').getByRole('heading').first().waitFor();
      found.push(...(await looked(ada.page, `admin ${page}`)));
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
    found.push(...(await looked(docs, 'documentation')));
    expect(found).toEqual([]);
  },
  { on: ['one hub'] },
);
