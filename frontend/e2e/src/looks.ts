/** What there is to see of the app: each screen in each state, and how to get there. The states are in app/src/dev. */

import type { Page } from 'playwright-core';

export interface Look {
  readonly name: string;
  /** As in the address of app/dev.html. */
  readonly query: string;
  /** What is pressed, before one looks. */
  readonly steps?: (page: Page) => Promise<unknown>;
}

type Steps = NonNullable<Look['steps']>;

const inDialog = (page: Page) => page.getByRole('dialog').last();

/** Presses the buttons of those names, one after the other. */
const press =
  (...names: (string | RegExp)[]): Steps =>
  async (page) => {
    for (const name of names) await page.getByRole('button', { name }).first().click();
  };

/** Opens a dialog by a button, writes into it, and presses another button if it is named. */
const say =
  (opener: string | RegExp, text: string, then?: string): Steps =>
  async (page) => {
    await page.getByRole('button', { name: opener }).first().click();
    await inDialog(page).getByRole('textbox').first().fill(text);
    if (then !== undefined) await inDialog(page).getByRole('button', { name: then, exact: true }).click();
  };

const tab =
  (name: string | RegExp): Steps =>
  (page) =>
    page.getByRole('tab', { name }).click();

const choose: Steps = async (page) => {
  for (const place of ['1:05', '1:06', '2:01'])
    await page.getByRole('checkbox', { name: new RegExp(`^${place} `) }).click();
};

const menu =
  (entry: string): Steps =>
  async (page) => {
    await page.getByRole('button', { name: /^Signed in as/ }).click();
    await page.getByRole('menuitem', { name: entry }).click();
  };

const fill =
  (field: string, text: string): Steps =>
  (page) =>
    page.getByLabel(field, { exact: true }).first().fill(text);

/** Does something with an entry of the queue: by its button, or where one has fingers in its menu. */
const entry =
  (name: string, what: 'Move up' | 'Delete'): Steps =>
  async (page) => {
    const menu = page.getByRole('button', { name: `Move or delete ${name}` }).first();
    if ((await menu.count()) === 0)
      return press(what === 'Delete' ? `Delete ${name}` : `Move ${name} up`)(page);
    await menu.click();
    const open = page.getByRole('menu', { name: `Move or delete ${name}` }); // one that closes is still there
    await open.getByRole('menuitem', { name: what }).click();
  };

const both =
  (...all: Steps[]): Steps =>
  async (page) => {
    for (const one of all) await one(page);
  };

const signIn: Steps = async (page) => {
  await page.getByLabel('User name').fill('bob');
  await page.getByRole('textbox', { name: 'Password' }).fill('bob');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
};

const doors: readonly Look[] = [
  ...['plain', 'providers', 'unreachable', 'silent', 'long'].map((name) => ({
    name: `door ${name}`,
    query: `door=${name}`,
  })),
  ...['wrong', 'taken', 'proposals', 'throttled', 'elsewhere', 'kept', 'long'].map((name) => ({
    name: `door refused ${name}`,
    query: `door=${name}`,
    steps: signIn,
  })),
  { name: 'door notice', query: 'door=plain&notice=You were signed out by Sam Okafor: “the shift is over”.' },
];

/** States that are looked at as they are. */
const plain: readonly Look[] = (
  'observer operator staff requests asked lost vacant stale connecting catchingup refused saving empty loading many ' +
  'long replaced ended idle crowd remembered wasmine journal unread view centring unmounted viewloading viewstale scan ' +
  'noscan taken denied expired elsewhere people fullqueue longqueue longlog longcontrol longview longscan'
)
  .split(' ')
  .map((state) => ({ name: state, query: `state=${state}` }));

const opened: readonly Look[] = [
  {
    name: 'toasts',
    query: 'state=toasts',
    steps: (page) => page.locator('.mantine-Notification-root').nth(1).waitFor(),
  },
  { name: 'ask for control', query: 'state=observer', steps: say('Ask for control', 'two minutes, please') },
  { name: 'take control', query: 'state=staff', steps: say('Take control', 'the cryo alarm') },
  {
    name: 'take control while busy',
    query: 'state=busy',
    steps: both(say('Take control', 'the cryo alarm', 'Take control'), (page) =>
      page.getByRole('dialog', { name: 'Not while the beamline runs' }).waitFor(),
    ),
  },
  {
    name: 'password again',
    query: 'state=confirming',
    steps: both(say('Take control', 'the cryo alarm', 'Take control'), (page) =>
      page.getByRole('dialog', { name: 'Enter your password again' }).waitFor(),
    ),
  },
  { name: 'deny', query: 'state=requests', steps: press('Deny') },
  { name: 'give menu', query: 'state=operator', steps: press('Give control') },
  { name: 'give menu many', query: 'state=people', steps: press('Give control') },
  { name: 'people here', query: 'state=observer', steps: press(/here$/) },
  { name: 'people here many', query: 'state=people', steps: press(/here$/) },
  { name: 'people here long', query: 'state=long', steps: press(/here$/) },
  { name: 'user menu', query: 'state=observer', steps: press(/^Signed in as/) },
  { name: 'user menu long', query: 'state=longcontrol', steps: press(/^Signed in as/) },
  { name: 'login sessions', query: 'state=observer', steps: menu('Login sessions') },
  {
    name: 'end session',
    query: 'state=observer',
    steps: both(menu('Login sessions'), press(/^End the session/)),
  },
  { name: 'sign out busy', query: 'state=operator', steps: menu('Sign out') },
  { name: 'chosen', query: 'state=operator', steps: choose },
  { name: 'add to queue', query: 'state=operator', steps: both(choose, press('Add to queue')) },
  {
    name: 'add centring',
    query: 'state=operator',
    steps: both(choose, press('Add to queue'), (page) =>
      page.getByText('Centring', { exact: true }).last().click(),
    ),
  },
  { name: 'find nothing', query: 'state=many', steps: fill('Find a sample', 'ferritin') },
  { name: 'find some', query: 'state=many', steps: fill('Find a sample', 'ins') },
  { name: 'motor field', query: 'state=operator', steps: press(/^Kappa position/) },
  {
    name: 'motor beyond its limits',
    query: 'state=operator',
    steps: both(press(/^Kappa position/), fill('Move Kappa to', '900')),
  },
  {
    name: 'refused at many places',
    query: 'state=refusing',
    steps: both(
      press(/^Move Kappa by \+/, 'Open Fast shutter', 'Stop motors', /^Anneal/),
      entry('Thau-2', 'Move up'),
      entry('Lys-2', 'Delete'),
      press('Release control', 'Unmount'),
    ),
  },
  {
    name: 'why not',
    query: 'state=observer',
    steps: (page) => page.getByRole('button', { name: 'Start' }).focus(),
  },
  { name: 'chat', query: 'state=observer', steps: tab(/^Chat/) },
  { name: 'chat empty', query: 'state=empty', steps: tab(/^Chat/) },
  { name: 'chat long', query: 'state=unread', steps: tab(/^Chat/) },
  { name: 'journal empty', query: 'state=empty', steps: tab('Control journal') },
  {
    name: 'journal opened',
    query: 'state=journal',
    steps: (page) => page.getByRole('log').locator('summary').last().click(),
  },
  { name: 'journal nothing found', query: 'state=journal', steps: fill('Find in the journal', 'nobody') },
];

const pages = ['Nodes', 'Connections', 'Sessions', 'Tokens', 'Stores', 'Tasks'] as const;

const admin: readonly Look[] = [
  ...['', 'many', 'nothing', 'failing', 'silent'].flatMap((hub) =>
    pages
      .filter((page) => hub === '' || page !== 'Stores')
      .map((page) => ({
        name: `admin ${page} ${hub}`.trim(),
        query: `state=admin&hub=${hub}&page=${page.toLowerCase()}`,
      })),
  ),
  { name: 'admin as staff', query: 'state=staffadmin&page=stores' },
  { name: 'admin stale', query: 'state=adminstale&page=nodes' },
  { name: 'admin new token', query: 'state=admin&page=tokens', steps: say('New token', 'night script') },
  {
    name: 'admin token made',
    query: 'state=admin&page=tokens',
    steps: both(say('New token', 'night script', 'Make the token'), (page) =>
      page.getByRole('button', { name: 'Copy' }).waitFor(),
    ),
  },
  { name: 'admin revoke', query: 'state=admin&page=tokens', steps: press(/^Revoke/) },
  {
    name: 'admin find a connection',
    query: 'state=admin&hub=many&page=connections',
    steps: fill('Find a connection', 'hub-2'),
  },
  {
    name: 'admin no connection found',
    query: 'state=admin&page=connections',
    steps: fill('Find a connection', 'nobody'),
  },
  {
    name: 'admin close a connection',
    query: 'state=admin&page=connections',
    steps: press(/^Close the connection/),
  },
  {
    name: 'admin store',
    query: 'state=admin&page=stores',
    steps: both(press(/^queue/), press(/^q2/)),
  },
  {
    name: 'admin store tree',
    query: 'state=admin&page=stores',
    steps: both(press(/^equipment/), (page) => page.getByText('motor/', { exact: true }).click()),
  },
];

export const looks: readonly Look[] = [...doors, ...plain, ...opened, ...admin];
