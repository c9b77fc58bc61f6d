import { configDefaults, defineConfig } from 'vitest/config';

/** These hold what they measure against limits of milliseconds: each of them has the machine to itself. */
const timed = ['test/live.test.ts', 'test/tabs.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 20_000,
    // Figures that a test prints belong to the output.
    disableConsoleIntercept: true,
    globalSetup: ['src/before.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'timed',
          include: timed,
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'others',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...timed],
          // Half of what they take is waiting.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
