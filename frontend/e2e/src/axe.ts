/** axe, which looks over a page for what keeps people out. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
declare const window: {
  axe?: { run(what: unknown, how: unknown): Promise<{ violations: readonly Violation[] }> };
};

/** What axe objects to, each with the first place of it. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => window.axe !== undefined))) await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    // A tooltip is read with what it describes: it needs no place of its own on the page.
    const what = { exclude: ['[data-portal]:has([role=tooltip])'] };
    const result = await window.axe?.run(what, { resultTypes: ['violations'] });
    return result?.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
  });
  return found ?? [];
}
