import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['src/before.ts'],
    // One after the other: they measure times, and a browser takes what two cores can give.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 20_000,
    // Figures that a test prints belong to the output.
    disableConsoleIntercept: true,
  },
});
