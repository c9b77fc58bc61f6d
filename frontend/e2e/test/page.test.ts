import { readFileSync } from 'node:fs';
import { oneOrAll, scenario } from '../src/scenario.ts';

const examples = new URL('../../examples/', import.meta.url);
const html = readFileSync(new URL('html/index.html', examples), 'utf8');
const site = readFileSync(new URL('site.yaml', examples), 'utf8');

scenario(
  'the example without a framework counts, and everybody sees it',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const [alice, bob] = await Promise.all(
      (
        [
          [hers, 'alice', 0],
          [his, 'bob', 1],
        ] as const
      ).map(async ([computer, name, n]) => {
        await computer.serve('/client/', new URL('../../client/dist/', import.meta.url));
        // In a document of the hub: of one that comes from nowhere, a browser does not believe that it is on this machine.
        const { page } = await computer.open(stage.hub(n), '/healthz');
        await page.setContent(html);
        await page.getByLabel('User').fill(name);
        await page.getByLabel('Password').fill(name);
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.locator('#status', { hasText: 'live' }).waitFor();
        return page;
      }),
    );
    for (const [i, page] of [alice, bob].entries()) {
      await page?.getByRole('button', { name: 'Count me in' }).click();
      for (const each of [alice, bob]) await each?.locator('#visits', { hasText: `${i + 1}` }).waitFor();
    }
  },
  { on: oneOrAll, site },
);
