import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

// The same tests on both: the React that the app has, and the oldest that the hooks promise to work with.
export default defineConfig({
  // @baton/client from its source, so that nothing has to be built first.
  resolve: { conditions: ['@baton/source'] },
  ssr: { resolve: { conditions: ['@baton/source'] } },
  test: {
    include: ['test/**/*.test.tsx'],
    testTimeout: 60_000,
    environment: 'happy-dom',
    projects: [
      { extends: true, test: { name: 'React 19', env: { REACT: '19' } } },
      {
        extends: true,
        resolve: {
          alias: {
            react: at('react18/node_modules/react'),
            'react-dom': at('react18/node_modules/react-dom'),
            // What renders in the tests has to take the same React as the hooks: it is read as modules, which these names reach.
            '@testing-library/react': at(
              'node_modules/@testing-library/react/dist/@testing-library/react.esm.js',
            ),
          },
        },
        test: {
          name: 'React 18',
          env: { REACT: '18' },
          server: { deps: { inline: ['@testing-library/react'] } },
        },
      },
    ],
  },
});
