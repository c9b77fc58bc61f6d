/** Site files: the one that is built in, with what a scenario is about changed. */

import { readFile } from 'node:fs/promises';

const built = await readFile(new URL('../../../cmd/site-dev.yaml', import.meta.url), 'utf8');

/** The built-in site with other words, each of which has to be there. */
export function site(...changes: readonly (readonly [was: string, is: string])[]): string {
  return changes.reduce((text, [was, is]) => {
    if (!text.includes(was)) throw new Error(`the built-in site has no ${JSON.stringify(was)}`);
    return text.replace(was, is);
  }, built);
}

const login = '      other_user: observe\n';

/** The six cases of the study of 2016: one person at a time, at one computer. */
export const study = site([login, '      preset: mxcube-2016\n'], ['      linger: 2s\n', '']);

/** A person may be signed in on several computers; who leaves a running beamline is held up. */
export const several = site([login, `${login}      same_user: join\n      idle_input: 30m\n`]);

/** Who loads the page again is not missed for longer than a slow machine takes. */
export const lingering = site(['      linger: 2s\n', '      linger: 30s\n']);

/** Control of a running beamline is taken by force only. */
export const careful = site(['      grace: 30s\n', '      grace: 30s\n      take: refused_while_running\n']);

/** Who is away keeps the seat, as long as a slow machine takes for what is done meanwhile. */
export const patient = site(['      grace: 30s\n', '      grace: 10m\n']);
