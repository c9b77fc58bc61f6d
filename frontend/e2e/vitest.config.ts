import { configDefaults, defineConfig } from 'vitest/config';
import { patience, testTimeout } from './src/waiting.ts';

/** These hold what they measure against limits of milliseconds: each of them has the machine to itself. */
const timed = ['test/live.test.ts', 'test/tabs.test.ts'];

export default defineConfig({
  // @baton/client from its source, for programs in Node that are clients as pages are.
  resolve: { conditions: ['@baton/source'] },
  ssr: { resolve: { conditions: ['@baton/source'] } },
  test: {
    // Node 20 has a WebSocket if it is asked for.
    execArgv: ['--experimental-websocket', '--no-warnings'],
    testTimeout,
    hookTimeout: patience,
    expect: { poll: { timeout: patience } },
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
