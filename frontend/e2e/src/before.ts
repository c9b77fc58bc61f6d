import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { TestProject } from 'vitest/node';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

declare module 'vitest' {
  interface ProvidedContext {
    /** The script that each page is given; see page/probe.ts. */
    probe: string;
  }
}

/** Before the tests of each project. */
export async function setup(project: TestProject): Promise<void> {
  await mkdir(here('../artefacts'), { recursive: true });
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['@baton/source'] },
    build: {
      write: false,
      minify: false,
      lib: { entry: here('../page/probe.ts'), formats: ['iife'], name: 'probeScript' },
    },
  });
  const [chunk] = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  if (chunk?.type !== 'chunk') throw new Error('the probe was not built');
  project.provide('probe', chunk.code);
}
