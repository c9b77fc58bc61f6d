import { defineConfig } from 'vitest/config';

export default defineConfig({
  // @baton/client from its source, so that nothing has to be built first.
  resolve: { conditions: ['@baton/source'] },
  ssr: { resolve: { conditions: ['@baton/source'] } },
  test: { include: ['test/**/*.test.tsx'], environment: 'happy-dom' },
});
