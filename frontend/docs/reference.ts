/**
 * The reference of the TypeScript packages, made of the declarations that tsc makes of their source: what everybody can
 * import, by entry, with what the source says of it.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const frontend = join(import.meta.dirname, '..');

/** What can be imported from where. */
export interface Entry {
  /** As it stands after `from`. */
  readonly name: string;
  readonly names: readonly Named[];
}

export interface Named {
  readonly name: string;
  /** The words of its comment, and its declaration. */
  readonly text: string;
  readonly code: string;
}

/** A declaration of a file, and where what it hands on comes from. */
type Statement =
  | { readonly is: 'declared'; readonly named: Named }
  | { readonly is: 'passed'; readonly from: string; readonly names: readonly string[] | 'all' };

/** The page, with every entry of both packages. */
export async function reference(): Promise<string> {
  const entries = [...(await entriesOf('client')), ...(await entriesOf('react'))];
  return page(entries);
}

/** The entries of a package, in the order of its package.json. */
export async function entriesOf(folder: string): Promise<Entry[]> {
  const root = join(frontend, folder);
  const { name, exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, { readonly types: string }>>;
  };
  const made = await mkdtemp(join(tmpdir(), 'baton-reference-'));
  try {
    // From the source of the other package, as everything in this repository is.
    const conditions = ['--customConditions', '@baton/source', '--rootDir', frontend];
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const args = ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', made];
    await promisify(execFile)(process.execPath, [tsc, ...args, ...conditions]);
    const read = (file: string) => readFile(join(made, folder, 'src', file), 'utf8');
    const found: Entry[] = [];
    for (const [path, { types }] of Object.entries(exports)) {
      const file = types.replace('./dist/', '');
      found.push({ name: `${name}${path.slice(1)}`, names: await exported(file, read) });
    }
    return found;
  } finally {
    await rm(made, { recursive: true });
  }
}

/** What a file exports, its own and what it hands on. */
async function exported(file: string, read: (file: string) => Promise<string>): Promise<Named[]> {
  const all: Named[] = [];
  for (const statement of statements(await read(file))) {
    if (statement.is === 'declared') all.push(statement.named);
    else {
      const theirs = await exported(statement.from, read);
      const { names } = statement;
      all.push(...theirs.filter(({ name }) => names === 'all' || names.includes(name)));
    }
  }
  return all;
}

/** The exported statements of a file as tsc writes it: each begins at the margin, after its comment. */
export function statements(text: string): Statement[] {
  const found: Statement[] = [];
  const each =
    /^((?:\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)?)(export (?:\{[^}]*\}[^\n]*|[^\n]*(?:\n(?![/a-z])[^\n]*)*))/gm;
  for (const [, comment = '', code = ''] of text.matchAll(each)) {
    const from = /from '\.\/([^']+)\.js'/.exec(code)?.[1];
    const declared = /^export (?:declare )?(?:abstract )?(?:interface|type|function|class|const) (\w+)/.exec(
      code,
    )?.[1];
    if (from !== undefined) {
      const list = /\{([^}]*)\}/.exec(code)?.[1];
      const names = list?.split(',').map((one) => one.replace('type', '').trim());
      found.push({ is: 'passed', from: `${from}.d.ts`, names: names ?? 'all' });
    } else if (declared !== undefined) {
      const named = { name: declared, text: words(comment), code: tidy(code) };
      const before = found.at(-1);
      // What has several signatures is one thing.
      if (before?.is === 'declared' && before.named.name === declared) {
        const both = { ...before.named, code: `${before.named.code}\n${named.code}` };
        found.splice(-1, 1, { is: 'declared', named: both });
      } else found.push({ is: 'declared', named });
    }
  }
  return found;
}

function page(entries: readonly Entry[]): string {
  const parts = [
    '# TypeScript reference',
    'What can be imported, as the source has it. Everything that changes is a [Readable](#readable).',
    entries.map(({ name }) => `- [${name}](#${name.replace(/[^a-z]/g, '')})`).join('\n'),
  ];
  const anchor = numbered();
  for (const { name, names } of entries) {
    parts.push(`## ${name}`);
    parts.push(names.map((one) => `[${one.name}](#${anchor(one.name)})`).join(' · '));
    for (const one of names) {
      parts.push(`### ${one.name}`);
      if (one.text !== '') parts.push(one.text);
      parts.push(`\`\`\`ts\n${one.code}\n\`\`\``);
    }
  }
  return `${parts.join('\n\n')}\n`;
}

/** The anchors of headings, as build.ts makes them: the second of a name has a number. */
function numbered(): (name: string) => string {
  const times = new Map<string, number>();
  return (name) => {
    const slug = name.toLowerCase();
    const before = times.get(slug) ?? 0;
    times.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  };
}

/** Two spaces for each step, as the source has it, and without what is nobody's business. */
function tidy(code: string): string {
  return code
    .replace(/^( {4})+/gm, (all) => ' '.repeat(all.length / 2))
    .replace(/^export (declare )?/, '')
    .trim();
}

/** The text of a comment, with the names that it points to as code. */
function words(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/$/gm, '')
    .replace(/^ ?\* ?/gm, '')
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .trim();
}
