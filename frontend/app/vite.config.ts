import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const hub = process.env.BATON_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
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
    testTimeout: 20_000,
  },
});
