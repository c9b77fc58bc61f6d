import { expect } from 'vitest';
import { oneOrAll, picture, scenario } from '../src/scenario.ts';
import { patient } from '../src/sites.ts';
import { until } from '../src/waiting.ts';

scenario(
  'what is changed without a network is kept, over a reload without one too, shown as waiting, and done once when it is back',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const line = await hers.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const bob = await (await his.open(stage.hub(1))).signIn('bob');
    await alice.takeSeat();
    await alice.addToQueue(360, 'Lys-01', 'Ins-02');
    const before = ['1. Lys-01, Collection', '2. Ins-02, Collection'];
    await bob.ordered(...before);
    await until('it to be remembered', async () => (await alice.kept('queue')).length === 2);

    await alice.keptItself();
    await hers.offline(true);
    await line.cut();
    const banner = alice.page.getByRole('alert').filter({ hasText: 'No connection to the hub' });
    await banner.waitFor();
    await alice.entry('Ins-02').getByRole('button', { name: 'Move Ins-02 up' }).click();
    await alice.addToQueue(360, 'TLN-03');
    await alice.entry('TLN-03').getByRole('button', { name: 'Move TLN-03 up' }).click();
    await alice.entry('TLN-03').getByRole('button', { name: 'Move TLN-03 up' }).click();
    await alice.say('said without the hub');
    const after = ['1. TLN-03, Collection', '2. Ins-02, Collection', '3. Lys-01, Collection'];
    await alice.ordered(...after);
    const unsaid = alice.chat.getByText('said without the hub waits for the hub');
    await unsaid.waitFor();
    await banner.getByText('5 changes of yours are kept').waitFor();
    await picture(alice.page, 'changed offline');
    expect(await bob.order()).toEqual(before);

    await until('them to be kept', async () => (await alice.unanswered()) >= 5);
    await alice.page.reload();
    await alice.ordered(...after);
    await unsaid.waitFor();
    await banner.getByText('5 changes of yours are kept').waitFor();
    expect(await alice.entry('TLN-03').locator('[data-mark=saving]').count()).toBe(1);
    await alice.says('Asking who is in control');
    await alice.control.getByText('You were. What you change in the queue is kept').waitFor();
    await alice.entry('Lys-01').getByRole('button', { name: 'Move Lys-01 up' }).click();
    await alice.addToQueue(360, 'Ins-04');
    const late = ['1. TLN-03, Collection', '2. Lys-01, Collection', '3. Ins-02, Collection'];
    await alice.ordered(...late, '4. Ins-04, Collection');
    await alice.say('and after a reload');
    await banner.getByText('8 changes of yours are kept').waitFor();
    await picture(alice.page, 'changed offline and loaded again');

    line.mend();
    await hers.offline(false);
    await alice.live();
    for (const tab of [alice, bob]) await tab.ordered(...late, '4. Ins-04, Collection');
    await bob.page.getByRole('tab', { name: 'Chat' }).click();
    for (const tab of [alice, bob])
      for (const text of ['said without the hub', 'and after a reload'])
        await until(`${text}, once`, async () => (await tab.chat.getByText(text).count()) === 1);
    await unsaid.waitFor({ state: 'detached' });
    await until('nothing to wait', async () => (await alice.unanswered()) === 0);
    await alice.queue.getByText('Saving').waitFor({ state: 'detached' });
    await alice.says('You are in control');
  },
  { on: oneOrAll, site: patient },
);

scenario(
  'what was changed without the hub and is refused when it is back is told in words, with the reason',
  async (stage) => {
    const [hers, theirs] = [await stage.computer(), await stage.computer()];
    const line = await hers.line();
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const sam = await (await theirs.open(stage.hub(1))).signIn('sam');
    const refused = alice.page.getByRole('alert').filter({ hasText: 'Not done of what you changed' });
    for (const how of ['in the page', 'after a reload']) {
      await alice.takeSeat();
      await line.cut();
      await alice.page.getByRole('status', { name: 'Connection: Connecting' }).waitFor();
      await alice.addToQueue(360, 'Lys-01');
      await alice.entry('Lys-01').waitFor();
      await until('it to be kept', async () => (await alice.unanswered()) === 1);
      await sam.saying('Take control', `alice is away, ${how}`, 'Take control');
      await sam.says('You are in control');
      if (how === 'after a reload') {
        await alice.page.reload();
        await alice.entry('Lys-01').waitFor();
        await alice.addToQueue(360, 'Lys-02'); // the same, of this page
      }
      line.mend();
      await alice.live();
      await refused.waitFor();
      await alice.entry('Lys-01').waitFor({ state: 'detached' });
      await alice.entry('Lys-02').waitFor({ state: 'detached' });
      const what = how === 'in the page' ? 'An entry of the queue' : 'Adding Lys-01 to the queue';
      expect(await refused.innerText()).toMatch(
        new RegExp(`${what}.*: Sam is in control: ask for control, or wait until it is free.`),
      );
      await picture(alice.page, `refused ${how}`);
      await refused.getByRole('button', { name: 'Dismiss what was not done' }).click();
      await refused.waitFor({ state: 'detached' });
      await sam.press('Release control');
    }
    expect(await sam.order()).toEqual([]);
  },
  { on: oneOrAll, site: patient },
);
