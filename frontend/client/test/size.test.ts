import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const budget = 8 * 1024;

it('all of the client is at most 8 KiB gzipped', async () => {
  const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: 'oxc',
      target: 'es2022',
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  });
  const code = 'output' in built ? built.output[0].code : '';
  expect(code, 'it was bundled').toContain('baton.v1');
  const size = gzipSync(code, { level: 9 }).length;
  expect(size, `${size} bytes`).toBeLessThanOrEqual(budget);
}, 60_000);
