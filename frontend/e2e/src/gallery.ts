/** The app without a hub, in a browser: one page that goes from state to state without being loaded again. */

import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { build } from 'vite';
import { newContext } from './browser.ts';
import type { Look } from './looks.ts';

const app = fileURLToPath(new URL('../../app/', import.meta.url));

/** The files of app/dev.html, by path. */
async function built(): Promise<Map<string, string | Uint8Array>> {
  const made = await build({
    root: app,
    logLevel: 'error',
    build: { write: false, minify: false, rolldownOptions: { input: `${app}dev.html` } },
  });
  const files = new Map<string, string | Uint8Array>();
  for (const one of Array.isArray(made) ? made : [made]) {
    if (!('output' in one)) continue;
    for (const file of one.output)
      files.set(`/${file.fileName}`, file.type === 'chunk' ? file.code : file.source);
  }
  return files;
}

const types: Readonly<Record<string, string>> = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
let files: Promise<Map<string, string | Uint8Array>> | undefined;

export async function gallery(options: BrowserContextOptions): Promise<Page> {
  files ??= built();
  const found = await files;
  const context = await newContext({ reducedMotion: 'reduce', ...options });
  await context.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    const body = found.get(pathname);
    if (body === undefined) return route.fulfill({ path: `${app}public${pathname}` });
    const contentType = types[pathname.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    return route.fulfill({ contentType, body: typeof body === 'string' ? body : Buffer.from(body) });
  });
  const page = await context.newPage();
  await page.goto('http://localhost/dev.html');
  // A colour on its way to another is none that people read.
  await page.addStyleTag({
    content:
      '* { transition: none !important; animation: none !important; caret-color: transparent !important }',
  });
  return page;
}

/** Goes to that state. */
export async function goTo(page: Page, { query, steps }: Look): Promise<void> {
  await page.evaluate((what) => (globalThis as unknown as { show(what: string): void }).show(what), query);
  await page.locator('#root main').first().waitFor();
  await page.evaluate(() => document.fonts.ready);
  await steps?.(page);
  // What was pressed shows no tooltip, unless it was given the focus for that.
  await page.mouse.move(0, 0);
}
