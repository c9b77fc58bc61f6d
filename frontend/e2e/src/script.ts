import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** A script for pages, page/NAME.ts, in one piece. */
export async function script(name: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['@baton/source'] },
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL(`../page/${name}.ts`, import.meta.url)),
        formats: ['iife'],
        name: `${name}Script`,
      },
    },
  });
  const [chunk] = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  if (chunk?.type !== 'chunk') throw new Error(`page/${name}.ts was not built`);
  return chunk.code;
}
