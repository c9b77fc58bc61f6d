import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';
import { careful, several } from '../src/sites.ts';
import { status } from '../src/tab.ts';

scenario(
  'a login session is ended from the list, at once; signing in again comes back to the place; who touches nothing is asked',
  async (stage) => {
    const [hers, home] = [await stage.computer(), await stage.computer()];
    const line = await hers.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const other = await (await home.open(stage.hub(1))).signIn('alice');
    await other.page.getByLabel('Find a sample').fill('insulin');
    await other.page.getByRole('tab', { name: 'Journal' }).click();
    const equipment = other.page
      .getByRole('region', { name: 'Beamline' })
      .locator('.mantine-ScrollArea-viewport');
    await equipment.evaluate((viewport) => viewport.scrollTo({ top: 120 }));
    await other.page.waitForFunction(() =>
      sessionStorage.getItem('baton-place')?.includes('scroll equipment'),
    );
    await alice.watch('status', status);

    await alice.menu('Alice', 'Login sessions');
    const list = alice.page.getByRole('list', { name: 'Login sessions' });
    await list.getByRole('listitem').nth(1).waitFor();
    await list.getByRole('listitem').filter({ hasText: 'this browser' }).getByText('open now').waitFor();
    await picture(alice.page, `sessions ${stage.installation.layout}`);
    await list.getByRole('button', { name: 'End the session of Alice' }).click();
    await alice.dialog('End this login session?').getByRole('button', { name: 'End session' }).click();
    await expect.poll(() => list.getByRole('listitem').count()).toBe(1);
    // The answer came after the tabs had been closed, so there is nothing to wait for but the picture.
    expect(await other.atTheDoor()).toContain('You were signed out: ended by Alice');
    expect(await other.page.getByLabel('User name').inputValue()).toBe('alice');
    await other.signIn('alice');
    expect(await other.page.getByLabel('Find a sample').inputValue()).toBe('insulin');
    await other.records.waitFor();
    await expect.poll(() => equipment.evaluate((viewport) => viewport.scrollTop)).toBe(120);
    expect(await alice.seen('status')).toEqual(['Live']);
    await alice.page.keyboard.press('Escape');

    // The site ends who touches nothing for half an hour; the warning is said here in the hub's place.
    line.say({ type: 'idle', remaining_ms: 60_000 });
    const question = alice.dialog('Are you still there?');
    await question.getByText(/^(1:00|0:[1-5]\d)$/).waitFor();
    await picture(alice.page, `still there ${stage.installation.layout}`);
    const answered = alice.page.waitForResponse('**/api/v1/session/active');
    await question.getByRole('button', { name: 'I am still here' }).click();
    expect((await answered).status()).toBe(204);
    line.say({ type: 'idle' });
    await question.waitFor({ state: 'hidden' });
  },
  { site: several },
);

scenario(
  'staff take control of a running beamline, and leave it, by force: with a reason, and with their password',
  async (stage) => {
    const [hers, theirs] = [await stage.computer(), await stage.computer()];
    const line = await theirs.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const sam = await (await theirs.open(stage.hub(1))).signIn('sam');
    await alice.takeSeat();
    await alice.addToQueue(3600, 'Lys-01');
    await alice.queue.getByRole('button', { name: 'Start' }).click();
    await sam.entry('Lys-01').and(sam.page.locator('[aria-current=step]')).waitFor();

    await sam.press('Take control');
    const take = sam.dialog('Take control from Alice');
    await take.getByRole('textbox').fill('the shutter leaks');
    await take.getByRole('button', { name: 'Take control' }).click();
    const force = sam.dialog('Not while the beamline runs');
    await force.getByRole('textbox').fill('it leaks a lot');
    // The hub asks for the password when it was given more than five minutes ago; here it is made to ask.
    line.refuseNext('"do":"take"', 'confirm', 'Enter your password again.');
    await force.getByRole('button', { name: 'Take control anyway' }).click();
    const password = sam.dialog('Enter your password again');
    await password.getByRole('textbox').fill('wrong');
    await password.getByRole('button', { name: 'Confirm' }).click();
    await password.getByText('This is not your password.').waitFor();
    await picture(sam.page, `password ${stage.installation.layout}`);
    await password.getByRole('textbox').fill('sam');
    await password.getByRole('button', { name: 'Confirm' }).click();
    await sam.says('You are in control');
    await alice.toast('Sam took control from Alice while the beamline ran: “it leaks a lot”').waitFor();
    await alice.control.getByText('Sam took control from you: “it leaks a lot”').waitFor();
    await sam.entry('Lys-01').and(sam.page.locator('[aria-current=step]')).waitFor(); // nothing has stopped

    await sam.signOut('Sam');
    const leaving = sam.dialog('Not while the beamline runs');
    await leaving.getByRole('textbox').fill('the shift is over');
    await leaving.getByRole('button', { name: 'Sign out anyway' }).click();
    expect(await sam.atTheDoor()).toContain('You have signed out.');
    await alice.says('Nobody is in control');
    await alice.journal('Sam signed out while the beamline ran; the seat is vacant: “the shift is over”');
  },
  // What the password opens on one hub holds on the other, so one hub alone would show less.
  { site: careful, on: ['two hubs on NATS and Redis'] },
);
