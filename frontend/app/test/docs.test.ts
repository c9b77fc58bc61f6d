import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { build, type PageSource, sources } from '../../docs/build.ts';
import { entriesOf } from '../../docs/reference.ts';

const page = (text: string): PageSource => ({
  path: 'docs/start.md',
  file: 'start.html',
  title: 'Start',
  group: '',
  text,
});

describe('the documentation', () => {
  it('is made of the project’s own files, without a link that leads nowhere', async () => {
    const files = await build(await sources());
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['index.html', 'start.html', 'recipes.html', 'reference.html', 'guide.css']),
    );
    expect(files.get('reference.html')).toContain('<h3 id="storeview">StoreView</h3>');
    expect(files.get('recipes.html')).toContain('<a href="python.html">Python</a>');
    expect(files.get('client.html'), 'what only the tests read').not.toContain('<!-- ');
  });

  it('begins with a shared value in three lines, before anything else is to be read', async () => {
    const index = String((await build(await sources())).get('index.html'));
    const [, code = ''] = /<pre[^>]*><code[^>]*>([\s\S]*?)<\/code>/.exec(index) ?? [];
    expect(code.trim().split('\n').length).toBe(3);
    expect(code).toContain('defineStore&lt;{ name: string }&gt;');
    expect(index.indexOf(code)).toBeLessThan(index.indexOf('<img'));
  });

  it('says beside a long page what is on it, with links that lead there', async () => {
    const files = await build(await sources());
    const recipes = String(files.get('recipes.html'));
    const [aside = ''] = /<aside[\s\S]*<\/aside>/.exec(recipes) ?? [];
    const links = [...aside.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.length).toBeGreaterThan(4);
    for (const id of links) expect(recipes).toContain(`<h2 id="${id}">`);
    expect(files.get('index.html')).not.toContain('<aside');
  });

  it('has everything that can be imported, of every entry, with what it says of itself', async () => {
    const loaded = import.meta.glob(['../../client/src/*.ts', '../../react/src/index.ts']);
    for (const folder of ['client', 'react']) {
      const entries = await entriesOf(folder);
      expect(entries.map(({ name }) => name)).toContain(`@baton/${folder}`);
      for (const { name, names } of entries) {
        const file = name.split('/')[2] ?? 'index';
        const there = (await loaded[`../../${folder}/src/${file}.ts`]?.()) as object;
        const told = names.map((one) => one.name);
        expect(told, name).toEqual(expect.arrayContaining(Object.keys(there)));
        expect(new Set(told).size, `${name} has each once`).toBe(told.length);
      }
      const named = entries.flatMap(({ names }) => names).map((one) => one.name);
      if (folder === 'client') {
        const types = [
          'Baton',
          'ConnectOptions',
          'OpenSocket',
          'Persistence',
          'RefusedChange',
          'SliceMiddleware',
        ];
        expect(named).toEqual(expect.arrayContaining(types));
      }
    }
  });

  it('asks a newcomer to press what the app has', async () => {
    const start = (await sources()).find(({ path }) => path === 'docs/start.md')?.text ?? '';
    const [, clicks = ''] = /^## 2\.([\s\S]*?)^## 3\./m.exec(start) ?? [];
    const pressed = [...clicks.matchAll(/\*\*([^*]+)\*\*/g)].map(([, name = '']) => name);
    expect(pressed.length).toBeGreaterThan(4);
    const app = import.meta.glob(['../src/**/*.tsx', '!../src/dev/**'], { query: '?raw', import: 'default' });
    const texts = await Promise.all(Object.values(app).map((load) => load() as Promise<string>));
    const lacks = pressed.filter((name) => !texts.some((text) => text.includes(name)));
    expect(lacks).toEqual([]);
  });

  it.each([
    ['[x](nowhere.md)', 'there is no such file'],
    ['[x](#nowhere)', 'there is no such heading'],
    ['[x](start.md#nowhere)', 'there is no such heading'],
    ['[x](../../deploy/README.md#nowhere)', 'there is no such heading'],
    ['[x](../nowhere/README.md)', 'there is no such file'],
    ['[x](/api/nowhere)', 'the hub serves no such page'],
    ['![x](pictures/nowhere.svg)', 'there is no such file'],
  ])('is not built with %s', async (text, why) => {
    await expect(build([page(`# Start\n\n${text}`)])).rejects.toThrow(why);
  });

  it.each([
    '../README.md',
    '../CONTRIBUTING.md',
    '../CHANGELOG.md',
    '../BENCHMARKS.md',
    '../deploy/README.md',
    '../deploy/SCALING.md',
    '../deploy/METRICS.md',
    'README.md',
  ])('%s, which is no page of it, leads nowhere wrong either', async (path) => {
    const text = await readFile(join(import.meta.dirname, '../..', path), 'utf8');
    await build([...(await sources()), { ...page(text), path, file: 'other.html' }]);
  });

  it('tells headings of one name apart', async () => {
    const files = await build([page('# Start\n\n## Call\n\n## call\n\n[the second](#call-1)')]);
    expect(files.get('start.html')).toContain('<h2 id="call-1">call</h2>');
  });

  it('leads from page to page, to headings, and to files of the project', async () => {
    const files = await build([page('# Start\n\n[a](#start) [b](../frontend.go) [c](/api/docs)')]);
    expect(files.get('start.html')).toContain('<a href="start.html#start">a</a>');
    expect(files.get('start.html')).toContain('/blob/main/frontend/frontend.go">b</a>');
  });
});
