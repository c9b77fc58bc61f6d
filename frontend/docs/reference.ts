/** The reference of the TypeScript client, made of its public types: what the source says is what the page says. */

const shown = /^((?:\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)?)export (interface|type) (\w+)[^\n]*/gm;

export function reference(source: string): string {
  const parts: string[] = [
    '# TypeScript reference',
    '',
    'The public types of `@baton/client`, as its source has them. Everything that changes is a `Readable`.',
    '',
  ];
  const found = [...source.matchAll(shown)];
  found.forEach((match, i) => {
    const [, comment = '', , name = ''] = match;
    const from = (match.index ?? 0) + comment.length;
    const until = found[i + 1]?.index ?? source.length;
    const code = source
      .slice(from, until)
      .replace(/^\/\/ ----.*$/gm, '')
      .trim();
    parts.push(`## ${name}`, '');
    if (comment !== '') parts.push(words(comment), '');
    parts.push('```ts', code, '```', '');
  });
  return parts.join('\n');
}

/** The text of a comment, with the names that it points to as code. */
function words(comment: string): string {
  return comment
    .replace(/^\/\*\*|\*\/$/gm, '')
    .replace(/^ ?\* ?/gm, '')
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .trim();
}
