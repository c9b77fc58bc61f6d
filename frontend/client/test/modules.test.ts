import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports, dependencies, sideEffects } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const entries = Object.keys(exports);

/** What a bundler makes of a module that takes something of the package by its name. */
async function bundled(code: string, format: 'es' | 'iife' = 'es'): Promise<string> {
  const name = '\0taken';
  const taken = {
    name: 'taken',
    enforce: 'pre' as const,
    resolveId: (id: string) => (id.endsWith('taken') ? name : undefined),
    load: (id: string) => (id === name ? code : undefined),
  };
  const resolve = (id: string) => ({
    find: new RegExp(`^@baton/client${id.slice(1)}$`),
    replacement: `${root}${exports[id]['@baton/source'].slice(2)}`,
  });
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [taken],
    resolve: { alias: entries.map(resolve) },
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: 'taken', formats: [format], name: 'taken', fileName: 'taken' },
    },
  });
  const [first] = Array.isArray(made) ? made : [made];
  return first && 'output' in first ? first.output[0].code : '';
}

it('nothing is depended on, and nothing is done by an import', () => {
  expect([dependencies, sideEffects]).toEqual([undefined, false]);
});

describe('each entry', () => {
  it.each(entries)(
    '%s is loaded where there is nothing but the language, and changes nothing there',
    async (entry) => {
      const script = await bundled(`export * from '@baton/client${entry.slice(1)}'`, 'iife');
      const place = createContext({});
      const before = Reflect.ownKeys(runInContext('globalThis', place));
      runInContext(script, place);
      const after = Reflect.ownKeys(runInContext('globalThis', place));
      expect(after.filter((key) => !before.includes(key))).toEqual(['taken']);
      expect(Object.keys(runInContext('taken', place)).length).toBeGreaterThan(0);
    },
  );
});

it('what is not used is not in a bundle', async () => {
  const connect = await bundled(`export { connect } from '@baton/client'`);
  expect(connect).toContain('baton.v1');
  for (const word of ['indexedDB', 'BroadcastChannel', 'onConflict', 'tickets', 'getState', 'sessions'])
    expect(connect, `a page that only connects has no ${word}`).not.toContain(word);
  const define = await bundled(`export { defineStore } from '@baton/client'`);
  expect(define.length, 'the bytes of a declaration').toBeLessThan(200);
  const signIn = await bundled(`export { signIn } from '@baton/client'`);
  expect(signIn, 'a page that only signs in does not connect').not.toContain('baton.v1');
  const used = await bundled(`import * as all from '@baton/client/tabs'; export const nothing = () => 1`);
  expect(used.length, 'the bytes of an import that is not used').toBeLessThan(200);
});
