/** The picture of the app in the README and in the documentation: `npm run screenshot` makes it anew. */

import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { gallery, goTo } from '../src/gallery.ts';

const file = fileURLToPath(new URL('../../docs/screenshot.png', import.meta.url));

if (process.env.BATON_SCREENSHOT)
  test('it is made', async () => {
    const page = await gallery({ viewport: { width: 1680, height: 960 }, colorScheme: 'light' });
    await goTo(page, { name: 'asking', query: 'state=asking' });
    await page.locator('.u-over').waitFor(); // the plot is drawn
    await page.screenshot({ path: file });
    await page.context().close();
  });

test('it is small enough for a page that is read on the way', () => {
  expect(statSync(file).size).toBeLessThan(300_000);
});
