/**
 * Makes the pages under /docs of the project's own files. A link that leads nowhere ends the build: to a page or a
 * heading that is not there, or to a file that the project does not have.
 */

import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Marked } from 'marked';
import { reference } from './reference.ts';

const frontend = join(import.meta.dirname, '..');
const project = join(frontend, '..');
/** Where files are that are no pages. */
const source = 'https://github.com/baton-hub/baton/blob/main/';

/** A page: where it comes from, by its path in the folder frontend, and under which name it is served. */
export interface PageSource {
  readonly path: string;
  readonly file: string;
  readonly title: string;
  readonly group: string;
  readonly text: string;
}

const list: readonly Omit<PageSource, 'text'>[] = [
  { path: 'docs/index.md', file: 'index.html', title: 'Baton', group: '' },
  { path: 'docs/start.md', file: 'start.html', title: 'Getting started', group: 'Guide' },
  { path: 'docs/concepts.md', file: 'concepts.html', title: 'Concepts', group: 'Guide' },
  { path: 'docs/recipes.md', file: 'recipes.html', title: 'Recipes', group: 'Guide' },
  { path: 'client/README.md', file: 'client.html', title: 'TypeScript client', group: 'Clients' },
  { path: 'react/README.md', file: 'react.html', title: 'React hooks', group: 'Clients' },
  { path: 'python/README.md', file: 'python.html', title: 'Python', group: 'Clients' },
  { path: 'examples/README.md', file: 'examples.html', title: 'Examples', group: 'Clients' },
  { path: 'docs/reference.md', file: 'reference.html', title: 'TypeScript reference', group: 'Reference' },
];

/** What the hub itself serves. */
const served = ['/', '/api/docs', '/api/openapi.json', '/api/asyncapi.json'];

let read: Promise<PageSource[]> | undefined;

/** The pages, read once. */
export function sources(): Promise<PageSource[]> {
  read ??= readAll();
  return read;
}

function readAll(): Promise<PageSource[]> {
  return Promise.all(
    list.map(async (page) => ({
      ...page,
      text:
        page.path === 'docs/reference.md'
          ? await reference()
          : await readFile(join(frontend, page.path), 'utf8'),
    })),
  );
}

/** Files by their names under /docs. Rejects with every dead link there is. */
export async function build(pages: readonly PageSource[]): Promise<Map<string, string | Uint8Array>> {
  const dead: string[] = [];
  const files = new Map<string, string | Uint8Array>();
  const anchors = new Map(pages.map(({ path, text }) => [path, headings(text)]));
  for (const page of pages) {
    const pictures = new Set<string>();
    const body = render(page, (link, picture) => {
      const { href, problem } = resolve(page, link, pages, anchors);
      if (problem !== undefined) dead.push(`${page.path}: ${link}: ${problem}`);
      if (!picture || problem !== undefined) return href;
      pictures.add(link);
      return link;
    });
    files.set(page.file, frame(page, pages, body));
    for (const picture of pictures)
      files.set(picture, await readFile(join(frontend, dirname(page.path), picture)));
  }
  if (dead.length > 0) throw new Error(`links that lead nowhere:\n${dead.join('\n')}`);
  files.set('guide.css', await readFile(join(frontend, 'docs/guide.css'), 'utf8'));
  return files;
}

/** Where a link leads on the pages; or why it does not. */
function resolve(
  page: PageSource,
  link: string,
  pages: readonly PageSource[],
  anchors: ReadonlyMap<string, readonly string[]>,
): { href: string; problem?: string } {
  if (/^https?:/.test(link)) return { href: link };
  if (link.startsWith('/'))
    return served.includes(link) ? { href: link } : { href: link, problem: 'the hub serves no such page' };
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page.path : join(dirname(page.path), path);
  const found = pages.find((one) => one.path === target);
  if (found === undefined) {
    // An image of the page alone, without the rest of the project, cannot look there.
    const whole = existsSync(join(project, 'go.mod'));
    const file = join(frontend, target);
    const there = existsSync(file) || (!whole && target.startsWith('..'));
    const href = source + relative(project, file) + (anchor === undefined ? '' : `#${anchor}`);
    if (!there) return { href, problem: 'there is no such file' };
    const known = !whole || !file.endsWith('.md') || anchor === undefined;
    return known || headings(readFileSync(file, 'utf8')).includes(anchor)
      ? { href }
      : { href, problem: 'there is no such heading' };
  }
  if (anchor !== undefined && !anchors.get(target)?.includes(anchor))
    return { href: link, problem: 'there is no such heading' };
  return { href: `${found.file}${anchor === undefined ? '' : `#${anchor}`}` };
}

function render(page: PageSource, lead: (link: string, picture: boolean) => string): string {
  const anchors = headings(page.text);
  let n = 0;
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        return `<h${depth} id="${anchors[n++] ?? ''}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${quoted(lead(href, false))}">${this.parser.parseInline(tokens)}</a>`;
      },
      image({ href, text }) {
        return `<img src="${quoted(lead(href, true))}" alt="${quoted(text)}">`;
      },
    },
  });
  const html = marked.parse(page.text.replace(/^<!-- given[\s\S]*?-->\n+/gm, ''), { async: false });
  return html
    .replaceAll('<table>', '<div class="scrolls" tabindex="0" role="region" aria-label="Table"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">');
}

/** The anchors of a page's headings; the second of the same name has a number, as on GitHub. */
function headings(text: string): string[] {
  const outside = text.replace(/^```[\s\S]*?^```/gm, '');
  const times = new Map<string, number>();
  return [...outside.matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) => {
    const name = slug(title);
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
}

export function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function quoted(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/** Where the page has many parts: which. */
function contents({ text }: PageSource): string {
  const outside = text.replace(/^```[\s\S]*?^```/gm, '');
  const heads = [...outside.matchAll(/^(#{1,6}) (.+)$/gm)];
  const anchors = headings(text);
  const parts = heads.flatMap(([, depth, title = ''], i) =>
    depth === '##' ? [`<a href="#${anchors[i]}">${quoted(title.replaceAll('`', ''))}</a>`] : [],
  );
  if (parts.length < 3) return '';
  return `<aside aria-label="On this page"><p>On this page</p>\n${parts.join('\n')}\n</aside>\n`;
}

function frame(page: PageSource, pages: readonly PageSource[], body: string): string {
  let group = '';
  const entries = pages.map((one) => {
    const head = one.group === group ? '' : `<p>${quoted(one.group)}</p>`;
    group = one.group;
    const current = one === page ? ' aria-current="page"' : '';
    return `${head}<a href="${one.file}"${current}>${quoted(one.title)}</a>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${quoted(page.title)}${page.title === 'Baton' ? ': documentation' : ' · Baton'}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="guide.css">
</head>
<body>
<nav aria-label="Documentation">
${entries.join('\n')}
<a href="/api/docs">HTTP API</a>
<p>Here</p><a href="/">To the app</a>
</nav>
<main>
${body}
</main>
${contents(page)}</body>
</html>
`;
}
