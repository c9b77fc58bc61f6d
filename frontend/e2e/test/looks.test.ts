/**
 * The screens in their states, without a hub: axe objects to none, nothing is cut off by the edge of the window, and on a
 * tablet everything is as large as a finger. A picture of each is kept. A few of them here; BATON_LOOKS=all looks at every
 * screen in every state, on every size, dark and light, which takes eight minutes.
 */

import type { BrowserContextOptions } from 'playwright-core';
import { expect, test } from 'vitest';
import { violations } from '../src/axe.ts';
import { gallery, goTo } from '../src/gallery.ts';
import { looks } from '../src/looks.ts';
import { picture } from '../src/scenario.ts';
import { tooSmall, tooWide } from '../src/touch.ts';

const tablet: BrowserContextOptions = { hasTouch: true, isMobile: true };
const sizes = {
  laptop: { viewport: { width: 1280, height: 800 } },
  upright: { viewport: { width: 820, height: 1180 }, ...tablet },
  across: { viewport: { width: 1180, height: 820 }, ...tablet },
} as const;
const schemes = ['light', 'dark'] as const;

/** Of each kind of screen one, in a state that is hard on it. */
const some: Readonly<
  Record<keyof typeof sizes, Readonly<Record<(typeof schemes)[number], readonly string[]>>>
> = {
  laptop: {
    light: ['requests', 'why not', 'admin store tree'],
    dark: ['observer', 'stale', 'scan', 'password again', 'admin token made'],
  },
  upright: {
    light: ['long', 'empty', 'add to queue', 'door refused elsewhere'],
    dark: ['lost', 'people here many', 'admin Connections many'],
  },
  across: { light: ['refused at many places', 'centring'], dark: ['fullqueue', 'loading'] },
};

const all = process.env.BATON_LOOKS === 'all';

for (const size of Object.keys(sizes) as (keyof typeof sizes)[]) {
  const chosen = schemes.flatMap((scheme) =>
    looks.filter(({ name }) => all || some[size][scheme].includes(name)).map((look) => ({ look, scheme })),
  );
  // It waits for nothing; but a machine that does something else at the same time takes long to look.
  const timeout = 30_000 + 20_000 * chosen.length;
  test(`whoever looks at it finds their way (${size})`, { timeout }, async () => {
    const named = all ? 2 * looks.length : some[size].light.length + some[size].dark.length;
    expect(chosen.length, 'looks that are named, and are there').toBe(named);
    const page = await gallery(sizes[size]);
    const found: string[] = [];
    page.on('pageerror', (err) => found.push(String(err)));
    for (const { look, scheme } of chosen) {
      await page.emulateMedia({ colorScheme: scheme });
      await goTo(page, look);
      const trouble = [...(await violations(page)), ...(await tooWide(page))];
      if (size !== 'laptop') trouble.push(...(await tooSmall(page)).map((what) => `too small: ${what}`));
      found.push(...trouble.map((what) => `${look.name}, ${scheme}: ${what}`));
      await picture(page, `look ${look.name} ${size} ${scheme}`);
    }
    await page.context().close();
    expect(found).toEqual([]);
  });
}
