import { describe, expect, it } from 'vitest';
import { build, type PageSource, sources } from '../../docs/build.ts';

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
    expect(files.get('reference.html')).toContain('<h2 id="storeview">StoreView</h2>');
    expect(files.get('recipes.html')).toContain('<a href="python.html">Python</a>');
  });

  it.each([
    ['[x](nowhere.md)', 'there is no such file'],
    ['[x](#nowhere)', 'there is no such heading'],
    ['[x](/api/nowhere)', 'the hub serves no such page'],
    ['![x](pictures/nowhere.svg)', 'there is no such file'],
  ])('is not built with %s', async (text, why) => {
    await expect(build([page(`# Start\n\n${text}`)])).rejects.toThrow(why);
  });

  it('leads from page to page, to headings, and to files of the project', async () => {
    const files = await build([page('# Start\n\n[a](#start) [b](../frontend.go) [c](/api/docs)')]);
    expect(files.get('start.html')).toContain('<a href="start.html#start">a</a>');
    expect(files.get('start.html')).toContain('/blob/main/frontend/frontend.go">b</a>');
  });
});
