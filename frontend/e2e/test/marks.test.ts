import { expect } from 'vitest';
import { layouts } from '../src/installation.ts';
import { picture, scenario } from '../src/scenario.ts';
import { status } from '../src/tab.ts';

scenario(
  'a change that is not saved yet looks it, until it is',
  async (stage) => {
    const alice = await (await (await stage.computer()).open(stage.hub(0))).signIn('alice');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02');
    const saving = alice.entry('Ins-02').locator('[data-mark=saving]');
    stage.hub(0).process.signal('SIGSTOP');
    await alice.entry('Ins-02').getByRole('button', { name: 'Move Ins-02 up' }).click();
    await saving.waitFor();
    await alice.entry('Ins-02').getByRole('status').getByText('Saving').waitFor({ state: 'attached' });
    expect((await alice.order())[0]).toBe('1. Ins-02, Collection'); // what is wished for is shown at once
    expect(await alice.entry('Lys-01').locator('[data-mark]').count()).toBe(0);
    await picture(alice.page, `saving ${stage.installation.layout}`);
    stage.hub(0).process.signal('SIGCONT');
    await saving.waitFor({ state: 'detached' });
    expect((await alice.order())[0]).toBe('1. Ins-02, Collection');
  },
  { on: layouts },
);

scenario('a change that is refused is taken back, and says why', async (stage) => {
  const [hers, theirs] = [await stage.computer(), await stage.computer()];
  const line = await hers.line();
  const alice = await (await hers.open(stage.hub(0))).signIn('alice');
  const sam = await (await theirs.open(stage.hub(1))).signIn('sam');
  await alice.takeSeat();
  await alice.addToQueue(360, 'Lys-01', 'Ins-02');
  await sam.entry('Ins-02').waitFor();

  line.hold(); // alice does not hear yet that sam has taken control, nor does the hub hear of her change
  await alice.entry('Ins-02').getByRole('button', { name: 'Move Ins-02 up' }).click();
  await alice.entry('Ins-02').locator('[data-mark=saving]').waitFor();
  await sam.saying('Take control', 'my turn', 'Take control');
  await sam.says('You are in control');
  expect((await alice.order())[0]).toBe('1. Ins-02, Collection');
  line.release();

  const refusal = alice.entry('Ins-02').getByRole('alert');
  await refusal.getByText('Refused:').waitFor();
  expect(await refusal.innerText()).toContain('Sam');
  expect((await alice.order())[0]).toBe('1. Lys-01, Collection');
  await alice.says('Sam is in control');
  await picture(alice.page, `refused ${stage.installation.layout}`);
  await refusal.getByRole('button', { name: 'Dismiss' }).click();
  await refusal.waitFor({ state: 'detached' });
  expect((await sam.order())[0]).toBe('1. Lys-01, Collection');
});

scenario(
  'what may be out of date is marked so, and nothing can be moved then',
  async (stage) => {
    const { nats } = stage.installation;
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const bob = await (await his.open(stage.hub(1))).signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01');
    await bob.entry('Lys-01').waitFor();
    for (const tab of [alice, bob]) await tab.watch('status', status);

    // Without its records the hub still answers; without the hub there is no connection.
    await (nats ?? stage.hub(0).process).kill();
    const [word, sentence] =
      nats === undefined
        ? ['Connecting', 'No connection to the hub.']
        : ['Stale', 'The hub cannot reach its records.'];
    for (const tab of [alice, bob]) {
      await tab.page.getByRole('alert').getByText(sentence).waitFor();
      await tab.page.locator('section[data-stale]').first().waitFor();
      expect(await tab.page.locator('main section[data-stale]').count()).toBe(4); // all of the panels
      await tab.entry('Lys-01').waitFor(); // what was known stays
    }
    const open = alice.page.getByRole('button', { name: 'Open Safety shutter' });
    expect(await open.getAttribute('aria-disabled')).toBe('true');
    await open.hover();
    await alice.page.getByRole('tooltip', { name: 'Not up to date with the beamline.' }).waitFor();
    await picture(alice.page, `stale ${stage.installation.layout}`);

    await (nats ?? stage.hub(0)).start();
    for (const tab of [alice, bob]) {
      await tab.live();
      await tab.page.locator('section[data-stale]').first().waitFor({ state: 'detached' });
      expect(await tab.seen('status')).toContain(word);
    }
    await alice.says('You are in control');
    await alice.addToQueue(360, 'Ins-02');
    await bob.entry('Ins-02').waitFor();
  },
  { on: layouts },
);
