import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';
import type { Tab } from '../src/tab.ts';

scenario('control is asked for, granted, denied, withdrawn, given, released and taken', async (stage) => {
  const [hers, his, theirs] = [await stage.computer(), await stage.computer(), await stage.computer()];
  const alice = await (await hers.open(stage.hub(0))).signIn('alice');
  const bob = await (await his.open(stage.hub(1))).signIn('bob');
  await bob.says('Nobody is in control');
  await alice.takeSeat();
  await bob.says('Alice is in control');
  await mayNothing(bob, 'Alice is in control. Ask for control.');
  await mayDrive(alice);
  const terms = [await alice.journal('Alice took the vacant seat')];

  await bob.saying('Ask for control', 'my crystal dries', 'Ask');
  const request = alice.control
    .getByRole('listitem')
    .filter({ hasText: 'Bob asks for control: “my crystal dries”' });
  await request.waitFor();
  await alice.toast('Bob asked for control: “my crystal dries”').waitFor();
  expect(await bob.toast('asked for control').count()).toBe(0); // his own is no news to him
  await picture(alice.page, `request ${stage.installation.layout}`);
  await picture(bob.page, `observer ${stage.installation.layout}`);
  await mayNothing(bob, 'Alice is in control. Ask for control.'); // asking gives nothing
  await request.getByRole('button', { name: 'Grant' }).click();
  await bob.says('You are in control');
  await alice.says('Bob is in control');
  await mayNothing(alice, 'Bob is in control. Ask for control.');
  await mayDrive(bob);
  terms.push(await alice.journal('Alice granted control to Bob'));

  await alice.saying('Ask for control', 'one more image', 'Ask');
  await bob.saying('Deny', 'not before noon', 'Deny');
  await alice.page.getByRole('button', { name: 'Ask for control' }).waitFor(); // no request of hers stands any more
  await alice.journal('Bob denied Alice: “not before noon”');
  await alice.says('Bob is in control');

  await alice.saying('Ask for control', '', 'Ask');
  await bob.control.getByRole('listitem').waitFor();
  await alice.press('Withdraw request');
  await bob.control.getByRole('listitem').waitFor({ state: 'detached' });

  await bob.press('Give control');
  await bob.page.getByRole('menuitem', { name: 'Alice' }).click();
  await alice.says('You are in control');
  await bob.says('Alice is in control');
  terms.push(await bob.journal('Bob gave control to Alice'));

  await alice.press('Release control');
  await bob.says('Nobody is in control');
  await mayNothing(bob, 'Nobody is in control. Take the seat first.');
  terms.push(await bob.journal('Alice released control'));
  await bob.takeSeat();
  terms.push(await bob.journal('Bob took the vacant seat'));

  const sam = await (await theirs.open(stage.hub(0))).signIn('sam');
  await sam.says('Bob is in control');
  await sam.saying('Take control', 'the shutter leaks', 'Take control');
  await sam.says('You are in control');
  await bob.says('Sam is in control');
  terms.push(await bob.journal('Sam took control from Bob: “the shutter leaks”'));
  expect(await alice.control.getByRole('button', { name: 'Take control' }).count()).toBe(0); // she is no staff

  // What others have said is counted until one has it before oneself, in one's tabs together.
  await sam.page.getByRole('tab', { name: 'Chat' }).click();
  await sam.page.getByPlaceholder('Write to everybody here').fill('the beam is back');
  await sam.page.keyboard.press('Enter');
  await alice.page.getByRole('status', { name: '1 unread message' }).waitFor();
  await alice.page.getByRole('tab', { name: 'Chat' }).click();
  await alice.page.getByRole('log', { name: 'Chat' }).getByText('the beam is back').waitFor();
  await alice.page.getByRole('status', { name: '1 unread message' }).waitFor({ state: 'detached' });
  await bob.page.getByRole('status', { name: '1 unread message' }).waitFor(); // he has not read it

  expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
});

/** What only the operator may do says why it cannot be pressed, and does nothing when it is. */
async function mayNothing(tab: Tab, reason: string): Promise<void> {
  const open = tab.page.getByRole('button', { name: 'Open Safety shutter' });
  await open.and(tab.page.locator('[aria-disabled=true]')).waitFor();
  await open.hover();
  await tab.page.getByRole('tooltip', { name: reason }).waitFor();
  await open.click({ force: true });
  const motor = tab.motor('Omega');
  await motor.click({ force: true });
  expect(await tab.page.getByLabel('Move Omega to').count()).toBe(0);
  for (const name of ['Start', 'Add to queue', 'Mount', 'Centre Beam']) {
    const button = tab.page.getByRole('button', { name, exact: true });
    expect(await button.getAttribute('aria-disabled'), name).toBe('true');
  }
  await tab.page.mouse.move(0, 0);
}

async function mayDrive(tab: Tab): Promise<void> {
  const open = tab.page.getByRole('button', { name: 'Open Safety shutter' });
  await open.and(tab.page.locator(':not([aria-disabled])')).waitFor();
}
