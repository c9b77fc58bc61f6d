import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { build, sources } from '../docs/build.ts';

const hub = process.env.BATON_URL ?? 'http://127.0.0.1:8080';

/**
 * Makes the pages under /docs, and puts the script that shows the HTTP API where the hub's /api/docs looks for it. A link
 * that leads nowhere ends the build.
 */
function docs(): Plugin {
  return {
    name: 'docs',
    apply: 'build',
    async generateBundle() {
      for (const [name, made] of await build(await sources()))
        this.emitFile({ type: 'asset', fileName: `docs/${name}`, source: made });
      const find = createRequire(import.meta.url).resolve;
      for (const file of ['rapidoc-min.js', 'rapidoc-min.js.LICENSE.txt'])
        this.emitFile({
          type: 'asset',
          fileName: `docs/${file}`,
          source: await readFile(find(`rapidoc/dist/${file}`)),
        });
    },
  };
}

export default defineConfig({
  plugins: [react(), docs()],
  // Our own packages are read from their source, so nothing has to be built before.
  resolve: { conditions: ['@baton/source', 'module', 'browser', 'development|production'] },
  ssr: { resolve: { conditions: ['@baton/source'] } },
  server: { proxy: { '/api': { target: hub, ws: true } } },
  build: {
    target: 'es2022',
    // Browsers that know light-dark(): what it is rewritten to for older ones does not follow Mantine's colour scheme.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // One file of script: everything on it is on the first screen.
    chunkSizeWarningLimit: 900,
  },
  test: {
    environment: 'happy-dom',
    include: ['test/**/*.test.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    // Both cores: with one kept free, as it is by default, that is one.
    maxWorkers: 2,
  },
});
