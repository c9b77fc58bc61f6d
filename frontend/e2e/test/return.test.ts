import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';
import { lingering, several } from '../src/sites.ts';
import { seat, status } from '../src/tab.ts';
import { until } from '../src/waiting.ts';

scenario(
  'a reload shows the same, and control is kept',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const bob = await (await his.open(stage.hub(1))).signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02', 'TLN-03');
    await alice.entry('TLN-03').getByRole('button', { name: 'Move TLN-03 up' }).click();
    const order = ['1. Lys-01, Collection', '2. TLN-03, Collection', '3. Ins-02, Collection'];
    await bob.ordered(...order);
    await bob.says('Alice is in control');
    await bob.watch('seat', seat);
    const term = await bob.journal('Alice took the vacant seat');

    for (let i = 0; i < 3; i++) {
      await alice.page.reload();
      await alice.live();
      await alice.says('You are in control');
      await alice.ordered(...order);
    }
    // What follows is decided under the term of before the reloads: a seat that had been empty would have raised it.
    await alice.entry('Ins-02').getByRole('button', { name: 'Delete Ins-02' }).click();
    await bob.entry('Ins-02').waitFor({ state: 'detached' });
    expect(await bob.seen('seat')).toEqual(['Alice is in control']);
    await until('the same term', async () => (await alice.journal('Alice took the vacant seat')) === term);
    expect(await bob.records.getByText('lost').count()).toBe(0);
  },
  { site: lingering },
);

scenario('a browser that is closed and opened again signs in by itself', async (stage) => {
  const profile = await stage.folder();
  const first = await stage.profile(profile);
  const alice = await (await first.open(stage.hub(0))).signIn('alice');
  const bob = await (await (await stage.computer()).open(stage.hub(1))).signIn('bob');
  await alice.takeSeat();
  await alice.addToQueue(360, 'Lys-01');
  await bob.says('Alice is in control');
  await first.close();

  const again = await stage.profile(profile);
  const back = await (await again.open(stage.hub(1))).live(); // on another hub, where there are two
  await back.says('You are in control');
  await back.entry('Lys-01').waitFor();
  await bob.says('Alice is in control');
  await back.addToQueue(360, 'Ins-02');
  await bob.entry('Ins-02').waitFor();
});

scenario(
  'signing out takes all tabs of that sign-in to the door, and nobody else',
  async (stage) => {
    const [hers, home, his] = [await stage.computer(), await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const second = await (await hers.open(stage.hub(1))).live();
    const elsewhere = await (await home.open(stage.hub(1))).signIn('alice');
    const bob = await (await his.open(stage.hub(0))).signIn('bob');
    await alice.takeSeat();
    await bob.says('Alice is in control');
    await elsewhere.says('You, on another computer, are in control');
    for (const tab of [elsewhere, bob]) await tab.watch('status', status);

    await second.signOut('Alice');
    expect(await second.atTheDoor()).toContain('You have signed out.');
    expect(await alice.atTheDoor()).toContain('You were signed out.');
    for (const tab of [elsewhere, bob]) {
      await tab.says('Nobody is in control');
      expect(await tab.seen('status')).toEqual(['Live']);
    }
    // The cookie is worth nothing any more, on either hub.
    for (const tab of [alice, second]) {
      await tab.page.reload();
      await tab.atTheDoor();
    }
  },
  { site: several },
);

const reject = `
version: 1
title: One at a time
spaces:
  demo:
    title: Demo beamline
    login: {other_user: reject}
    channels:
      ui: {kind: store, scope: user, write: [owner]}
authenticators: [{kind: dev}]
`;

scenario(
  'where one person is admitted at a time, the second is told who is there and since when',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    await alice.watch('status', status);
    const bob = await his.open(stage.hub(1));
    await bob.tryToSignIn('bob');
    const refusal = bob.page.getByRole('alert');
    await refusal.getByText('Alice is signed in', { exact: true }).waitFor();
    expect(await refusal.innerText()).toMatch(/Alice has been signed in since \d\d:\d\d \(\d+ s\)/);
    expect(await refusal.innerText()).toContain('Ask Alice to sign out');
    expect(await alice.seen('status')).toEqual(['Live']);
    await picture(bob.page, `rejected ${stage.installation.layout}`);

    await alice.signOut('Alice');
    await alice.atTheDoor();
    await bob.signIn('bob');
  },
  { site: reject },
);
