import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { script } from './script.ts';

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
  project.provide('probe', await script('probe'));
}
