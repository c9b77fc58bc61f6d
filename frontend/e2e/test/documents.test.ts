/** What describes the HTTP API: a document that tools accept, and a page that people can read. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConfig, lint } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';

async function problems(document: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'baton-openapi-'));
  try {
    writeFileSync(join(dir, 'openapi.json'), document);
    // Ways to other sites answer with redirections and nothing else.
    const rules = { 'operation-2xx-response': 'off' } as const;
    const config = await createConfig({ extends: ['recommended-strict'], rules });
    const found = await lint({ ref: join(dir, 'openapi.json'), config });
    return found.map((p) => `${p.ruleId} at ${p.location[0]?.pointer}: ${p.message}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const printed = () =>
  execFileSync(fileURLToPath(new URL('../../../bin/baton', import.meta.url)), ['docs', 'openapi'], {
    encoding: 'utf8',
  });

test('the OpenAPI document is one, and lints clean', async () => {
  expect(await problems(printed())).toEqual([]);
});

test('the check finds what is wrong with a document', async () => {
  const planted = printed().replaceAll('"#/components/schemas/Problem"', '"#/components/schemas/None"');
  expect((await problems(planted)).join('\n')).toContain('no-unresolved-refs');
});

scenario(
  'the API explains itself on a page, from this hub alone',
  async (stage) => {
    const tab = await (await stage.computer()).open(stage.hub(0));
    await tab.atTheDoor(); // what the browser says of the sign-in page is not meant
    const complaints: string[] = [];
    const asked: string[] = [];
    tab.page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    tab.page.on('pageerror', (err) => complaints.push(String(err)));
    tab.page.on('request', (request) => asked.push(request.url()));
    await tab.page.goto(`${stage.hub(0).url}/api/docs`);
    await tab.page.getByText('A real-time hub for shared control').first().waitFor();
    await tab.page.locator('.nav-bar-path').filter({ hasText: 'Follow channels' }).click();
    await tab.page.getByText('For networks that block WebSockets').first().waitFor();
    await picture(tab.page, `docs ${stage.installation.layout}`);
    expect(complaints).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(stage.hub(0).url) && !url.startsWith('data:'))).toEqual([]);
  },
  { on: ['one hub'] },
);
