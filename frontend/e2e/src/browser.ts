/** The one browser of a test file. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
} from 'playwright-core';
import { afterAll } from 'vitest';
import { patience } from './waiting.ts';

/** Chromium or Chrome as .ci/need looks for it. */
function chromiumPath(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const found = names
    .flatMap((name) => folders.map((dir) => join(dir, name)))
    .find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`there is none of ${names.join(', ')} in PATH; name it in CHROMIUM`);
  return found;
}

export const launch: LaunchOptions = {
  executablePath: chromiumPath(),
  headless: true,
  timeout: 2 * patience,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/** A profile of its own in that browser, which is started when it is first wanted. */
export async function newContext(options: BrowserContextOptions): Promise<BrowserContext> {
  browser ??= chromium.launch(launch);
  return (await browser).newContext(options);
}
