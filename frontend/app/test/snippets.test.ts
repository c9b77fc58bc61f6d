import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { entriesOf } from '../../docs/reference.ts';
import { module, type Snippet, snippets } from '../../docs/snippets.ts';

const frontend = join(import.meta.dirname, '../..');
const pages = [
  '../README.md',
  'README.md',
  'docs/index.md',
  'docs/start.md',
  'docs/concepts.md',
  'docs/recipes.md',
  'client/README.md',
  'react/README.md',
  'python/README.md',
  'examples/README.md',
];
const typed = ['ts', 'tsx'];
/** Tried elsewhere: with Python (frontend/python), with a hub and a shell (frontend/examples), read as a site (there too). */
const others = ['py', 'python', 'sh', 'yaml', 'go'];

let dir: string;
let all: Snippet[];

beforeAll(async () => {
  dir = await mkdtemp(join(frontend, 'app/.snippets-'));
  const texts = pages.map(async (page) => snippets(page, await readFile(join(frontend, page), 'utf8')));
  all = (await Promise.all(texts)).flat();
});
afterAll(() => rm(dir, { recursive: true }));

it('the TypeScript of every page compiles', async () => {
  const entries = [...(await entriesOf('client')), ...(await entriesOf('react'))];
  const known = Object.fromEntries(entries.map(({ name, names }) => [name, names.map((one) => one.name)]));
  // The last one is wrong, to see that it is found.
  const planted = snippets('planted', '```ts\ndefineStore({ nam: 1 });\n```\n');
  const shown = [...all.filter(({ language }) => typed.includes(language)), ...planted];
  expect(shown.length).toBeGreaterThan(15);
  const places = new Map<string, string>();
  for (const [i, one] of shown.entries()) {
    const { before, code } = module(one, known);
    places.set(`${i}.tsx`, one.where);
    await writeFile(join(dir, `${i}.tsx`), `${before}\n${code}\nexport {};\n`);
  }
  const options = {
    noEmit: true,
    jsx: 'react-jsx',
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ['node'],
    verbatimModuleSyntax: false,
  };
  const config = { extends: '../../tsconfig.base.json', compilerOptions: options, include: ['*.tsx'] };
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', dir, '--pretty', 'false']).catch(
    (failed: { readonly stdout: string }) => failed,
  );
  const wrong = stdout.replace(/^.*?(\d+\.tsx)\((\d+),/gm, (_, file: string, line: string) => {
    const [page, at] = (places.get(file) ?? '').split(':');
    return `${page}:${Number(at) + Number(line) - 1} (`;
  });
  expect(wrong.trim().split('\n'), wrong).toEqual([
    expect.stringMatching(/^planted:2 .*'nam' does not exist/),
  ]);
}, 60_000);

it('nothing is shown in a language in which it is not tried', () => {
  const strange = all.filter(({ language }) => ![...typed, ...others].includes(language));
  expect(strange.map(({ where, language }) => `${where} ${language}`)).toEqual([]);
});
