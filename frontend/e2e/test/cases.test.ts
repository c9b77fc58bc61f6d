/**
 * The six cases of the study of 2016, "Data persistence in MXCuBE 3", on the preset that is named after it, with the demo
 * beamline.
 */

import { expect } from 'vitest';
import { behindNginx } from '../src/installation.ts';
import { picture, scenario } from '../src/scenario.ts';
import { study } from '../src/sites.ts';
import { seat, status, type Tab } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

/** What two hubs could break, three that nginx chooses from can, too. */
const on = ['one hub', behindNginx] as const;

scenario(
  'case 1, a reload with no queue running: the state is restored from the browser, what lives comes from the server; case 2, a reload or a close while it runs: the queue is stopped, then the same',
  async (stage) => {
    const hers = await stage.computer();
    const line = await hers.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02');
    await alice.page.getByRole('tab', { name: 'Chat' }).click();
    await alice.page.getByLabel('Find a sample').fill('lysozyme');
    await restored(alice); // what is to be remembered has been written
    await until('the browser to remember the tab', async () => (await alice.kept('ui')).includes('tab'));
    await alice.motor('Kappa').click();
    await alice.page.getByLabel('Move Kappa to').fill('35');
    await alice.page.keyboard.press('Enter');
    await alice
      .motor('Kappa')
      .getByText(/^[1-9]/)
      .first()
      .waitFor(); // it moves

    line.hold(); // the hub hears nothing of the page that is loaded, nor the page of the hub
    await alice.page.reload();
    await alice.ordered('1. Lys-01, Collection', '2. Ins-02, Collection');
    await alice.queue.getByText('Stale').waitFor({ state: 'attached' }); // nobody has confirmed it
    await alice.says('Asking who is in control');
    expect(await alice.page.getByLabel('Find a sample').inputValue()).toBe('lysozyme');
    expect(await alice.page.getByRole('tab', { name: 'Chat' }).getAttribute('aria-selected')).toBe('true');
    expect(await alice.motor('Kappa').count(), 'a motor is never remembered').toBe(0);
    expect(await alice.page.getByText('mounted').count(), 'nor what the changer does').toBe(0);
    await alice.page.getByRole('alert').getByText('This browser remembers it.').waitFor();
    await picture(alice.page, `remembered ${stage.installation.layout}`);
    line.release();
    await alice.live();
    await alice.says('You are in control');
    await alice.motor('Kappa').getByText('35.00').waitFor(); // it has moved on meanwhile
    await alice.queue.getByText('Stale').waitFor({ state: 'detached' });

    await running(alice);
    await alice.page.reload();
    await stopped(alice);
    await alice.says('You are in control');
    await alice.journal('the hub called queue.stop, done');

    await running(alice);
    await alice.page.close();
    const again = await (await hers.open(stage.hub(1))).live();
    await stopped(again);
    await again.ordered('1. Lys-01, Collection', '2. Ins-02, Collection');
  },
  { site: study, on },
);

scenario(
  'case 3, a logout: everything in the browser is cleared and the session deleted, and it is refused while the queue runs; case 4, the same user in another tab: in step',
  async (stage) => {
    const hers = await stage.computer();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const second = await (await hers.open(stage.hub(1))).live(); // case 4: it signs in by itself
    await alice.takeSeat();
    await second.says('You are in control');
    await second.addToQueue(360, 'Lys-01');
    await alice.entry('Lys-01').waitFor();
    await alice.page.getByRole('tab', { name: 'Chat' }).click();
    await second.page.getByRole('tab', { name: 'Chat', selected: true }).waitFor();

    await running(second);
    await alice.signOut('Alice');
    const refusal = alice.dialog('Not while the beamline runs');
    await refusal
      .getByText('The instrument is running')
      .or(refusal.getByText('the instrument is running'))
      .waitFor();
    expect(await refusal.getByRole('button', { name: 'Sign out anyway' }).count()).toBe(0); // she is no staff
    await picture(alice.page, `logout refused ${stage.installation.layout}`);
    await refusal.getByRole('button', { name: 'Close' }).last().click();
    await second.queue.getByRole('button', { name: 'Stop' }).click();
    await stopped(alice);

    await restored(alice);
    const cookies = await hers.cookies();
    await alice.signOut('Alice');
    expect(await alice.atTheDoor()).toContain('You have signed out.');
    await second.atTheDoor();
    expect(await alice.stored()).toEqual([]);
    expect(await second.stored()).toEqual([]);
    await hers.setCookies(cookies);
    expect(await alice.ask('GET', 'session'), 'the cookie of before is worth nothing').toBe(401);
  },
  { site: study, on },
);

scenario(
  'case 5, the same user on another computer: asked to close the other, which does not fight back; case 6, another user: rejected',
  async (stage) => {
    const [hers, home, his] = [await stage.computer(), await stage.computer(), await stage.computer()];
    const line = await hers.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    await alice.takeSeat();
    for (const [name, look] of Object.entries({ status, seat })) await alice.watch(name, look);

    const bob = await his.open(stage.hub(1));
    await bob.tryToSignIn('bob');
    await bob.page.getByRole('alert').getByText('Alice is signed in', { exact: true }).waitFor();

    const elsewhere = await home.open(stage.hub(1));
    await elsewhere.tryToSignIn('alice');
    const question = elsewhere.dialog('You are signed in elsewhere');
    const other = await question.getByRole('listitem').innerText();
    expect(other).toMatch(/Chrome \d+ on Linux\s+in control\s+at 127\.0\.0\.1 .*\s+since .* · open now/);
    await picture(elsewhere.page, `asked to close the other ${stage.installation.layout}`);
    await question.getByRole('button', { name: 'Cancel' }).click();
    expect(await alice.seen('status')).toEqual(['Live']); // neither has disturbed her
    expect(await alice.seen('seat')).toEqual(['You are in control']);

    await elsewhere.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await question.getByRole('button', { name: 'Close the other and sign in here' }).click();
    await elsewhere.live();
    await elsewhere.says('Nobody is in control');
    await alice.page.getByRole('heading', { name: 'You signed in elsewhere' }).waitFor();
    await alice.page.getByText('signed in on another computer (127.0.0.1)').waitFor();
    await picture(alice.page, `replaced ${stage.installation.layout}`);

    await elsewhere.watch('status', status);
    await elsewhere.takeSeat();
    await elsewhere.addToQueue(360, 'Lys-01');
    expect(line.opened, 'the replaced tab does not come back by itself').toBe(1);
    await alice.page.getByRole('button', { name: 'Sign in here again' }).click();
    expect(await alice.atTheDoor()).toContain('You signed in elsewhere');
    expect(await alice.page.getByLabel('User name').inputValue()).toBe('alice');
    await alice.tryToSignIn('alice');
    await alice.dialog('You are signed in elsewhere').waitFor(); // by the same rule as everybody
    expect(await elsewhere.seen('status')).toEqual(['Live']);
    expect(line.opened).toBe(1);
  },
  { site: study, on },
);

/** Waits until the browser remembers what is shown. */
async function restored(tab: Tab): Promise<void> {
  const shown = (await tab.order()).length;
  await until('the browser to remember the queue', async () => (await tab.kept('queue')).length === shown);
}

async function running(tab: Tab): Promise<void> {
  await tab.queue.getByRole('button', { name: 'Start' }).click();
  await tab.entry('Lys-01').and(tab.page.locator('[aria-current=step]')).waitFor();
}

/** Waits until the queue has been stopped, by whoever did. */
async function stopped(tab: Tab): Promise<void> {
  await tab
    .entry('Lys-01')
    .getByText(/^stopped/)
    .waitFor();
  await tab.queue
    .getByText(/\d entr(y|ies)/)
    .first()
    .waitFor(); // it is idle
}
