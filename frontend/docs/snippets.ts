/** The pieces of code that a page shows, for the tests that try them. Pure. */

export interface Snippet {
  /** Where it stands: the page's path and the line. */
  readonly where: string;
  readonly language: string;
  readonly code: string;
  /** What the page has said before, or leaves to its reader: `<!-- given: … -->` before the code, which nobody sees. */
  readonly given: string;
}

const fence = /(?:^<!-- given:((?:(?!-->)[\s\S])*)-->\n+)?^```(\w+)\n([\s\S]*?)^```/gm;

/** What holds for the whole page, one declaration a line. */
const everywhere = /^<!-- given on this page:\n([\s\S]*?)-->/m;

export function snippets(path: string, text: string): Snippet[] {
  const lines = everywhere.exec(text)?.[1]?.trim().split('\n') ?? [];
  return [...text.matchAll(fence)].map((match) => {
    const [all, given = '', language = '', code = ''] = match;
    const line = text.slice(0, (match.index ?? 0) + all.indexOf('```')).split('\n').length;
    const lacks = (declaration: string) => {
      const [, name = ''] = /^declare \w+ (\w+)/.exec(declaration) ?? [];
      return uses(code, name) && !declares(given + code, name);
    };
    const told = [given.trim(), ...lines.filter(lacks)].join('\n');
    return { where: `${path}:${line}`, language, code, given: told };
  });
}

function declares(code: string, name: string): boolean {
  return new RegExp(`\\b(?:const|let|function|class|interface|type) ${name}\\b`).test(code);
}

function uses(code: string, name: string): boolean {
  return new RegExp(`(?<![\\w'"/-])(?<!(?<!\\.\\.)\\.)${name}\\b(?!\\s*\\??:)`).test(code);
}

/** A piece of TypeScript as a module: with what is given, and with the names of `known` that it uses and does not import. */
export function module(
  { code, given }: Snippet,
  known: Readonly<Record<string, readonly string[]>>,
): { readonly before: string; readonly code: string } {
  const whole = `${given}\n${code}`;
  const has = [...whole.matchAll(/\bimport (?:type )?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.replace(/\btype\b/, '').trim()),
  );
  const imports = Object.entries(known).flatMap(([from, names]) => {
    const wanted = names.filter((name) => uses(whole, name) && !has.includes(name) && !declares(whole, name));
    return wanted.length > 0 ? [`import { ${wanted.join(', ')} } from '${from}';`] : [];
  });
  // On one line, so that the lines of what is wrong are easily told.
  return { before: [...imports, given].join(' ').replaceAll('\n', ' '), code };
}
