/** A night shift without a mouse. */

import type { Locator } from 'playwright-core';
import { expect } from 'vitest';
import { oneOrAll, picture, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

/** Presses Tab, or Shift and Tab, until that has the focus, and sees that it shows. */
async function go(tab: Tab, to: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const has = () => to.evaluate((element) => element === document.activeElement);
  for (let presses = 0; !(await has()); presses++) {
    if (presses > 200) throw new Error(`${key} does not lead to ${to}`);
    await tab.page.keyboard.press(key);
  }
  const shows = await to.evaluate((element) => {
    const { outlineStyle, outlineWidth, borderColor } = getComputedStyle(element);
    return (
      (outlineStyle !== 'none' && outlineWidth !== '0px') || (element.matches('input') && borderColor !== '')
    );
  });
  expect(shows, `one sees that ${to} has the focus`).toBe(true);
}

/** Goes there and presses that key. */
async function press(tab: Tab, to: Locator, key = 'Enter', way?: 'Shift+Tab'): Promise<void> {
  await go(tab, to, way);
  await tab.page.keyboard.press(key);
}

scenario(
  'a scientist takes control, mounts, fills and sorts the queue, starts and stops it by the keyboard alone',
  async (stage) => {
    const tab = await (await stage.computer()).open(stage.hub(0));
    const { page } = tab;
    const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
    const dialog = page.getByRole('dialog');
    const { keyboard } = page;

    await page.getByLabel('User name').waitFor();
    await keyboard.type('alice');
    await keyboard.press('Tab');
    await keyboard.type('alice');
    await keyboard.press('Enter');
    await tab.live();
    await press(tab, button('Take the seat'));
    await tab.says('You are in control');

    // A menu is left as it was come to.
    const menu = button(/^Signed in as/);
    await press(tab, menu, 'Enter', 'Shift+Tab');
    await page.getByRole('menuitem').first().waitFor();
    await keyboard.press('Escape');
    await page.getByRole('menuitem').first().waitFor({ state: 'hidden' });
    await go(tab, menu);

    await press(tab, button('Go to the samples'), 'Enter', 'Shift+Tab');
    await go(tab, page.getByLabel('Find a sample'));
    await keyboard.type('ferr');
    await press(tab, tab.sample('Ferr-01'), 'Space');
    await press(tab, button('Mount'));
    await page.getByText('Ferr-01 ferritin').waitFor();
    await go(tab, page.getByRole('tab', { name: 'Sample view' }), 'Shift+Tab');
    await keyboard.press('ArrowLeft');
    await tab.sample('Ferr-01').waitFor();
    await press(tab, tab.sample('Ferr-01'), 'Space'); // not this one again
    for (const name of ['Ferr-02', 'Ferr-03']) await press(tab, tab.sample(name), 'Space');
    await press(tab, button('Add to queue'));
    await go(tab, dialog.getByLabel('Images'));
    await keyboard.press('Control+A');
    await keyboard.type('3600');
    await press(tab, dialog.getByRole('button', { name: 'Add 2 entries' }));
    await dialog.waitFor({ state: 'hidden' });
    const focused = () => button('Add to queue').evaluate((one) => one === document.activeElement);
    await until('the focus to be where the dialog was opened', focused);
    await tab.ordered('1. Ferr-02, Collection', '2. Ferr-03, Collection');

    // The second goes to the top, as by drag and drop.
    await go(tab, button('Drag Ferr-03'));
    await keyboard.press('Space');
    await page.getByText('Picked up Ferr-03, place 2 of 2.').waitFor({ state: 'attached' });
    await keyboard.press('ArrowUp');
    await page.getByText('Ferr-03: place 1 of 2.').waitFor({ state: 'attached' });
    await keyboard.press('Space');
    await tab.ordered('1. Ferr-03, Collection', '2. Ferr-02, Collection');

    await press(tab, tab.queue.getByRole('button', { name: 'Start' }), 'Enter', 'Shift+Tab');
    await tab.entry('Ferr-03').getByRole('progressbar').waitFor();
    await press(tab, tab.queue.getByRole('button', { name: 'Stop' }));
    await until('the queue to stop', async () =>
      (await tab.entry('Ferr-03').innerText()).includes('stopped'),
    );
  },
  { on: oneOrAll },
);

scenario(
  'everything is stopped from within a dialog, by who watches, with a pointer, by going to it, and by keys while writing',
  async (stage) => {
    const alice = await (await (await stage.computer()).open(stage.hub(0))).signIn('alice');
    const bob = await (await (await stage.computer()).open(stage.hub(0))).signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(3600, 'Lys-01');
    const dialog = bob.page.getByRole('dialog', { name: 'Ask for control' });
    const stop = dialog.getByRole('button', { name: 'Stop everything' });
    const { keyboard } = bob.page;
    for (const by of ['pointer', 'Tab', 'keys'] as const) {
      await alice.queue.getByRole('button', { name: 'Start' }).click();
      await bob.control.getByText(/^Lys-01 · \d+ %/).waitFor();
      await bob.control.getByRole('button', { name: 'Ask for control' }).click();
      const field = dialog.getByRole('textbox');
      await field.fill('is it you?');
      if (by === 'pointer') await stop.click();
      if (by === 'Tab') await press(bob, stop);
      if (by === 'keys') {
        await field.focus();
        await keyboard.press('Shift+F8');
      }
      await dialog
        .getByRole('status')
        .filter({ hasText: 'Stop everything: sent.' })
        .waitFor({ state: 'attached' });
      await bob.control.getByText('Idle').waitFor();
      expect(await field.inputValue(), 'what was begun is still there').toBe('is it you?');
      await picture(bob.page, `stopped from a dialog by ${by}`);
      await keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
    }
  },
  { on: oneOrAll },
);
