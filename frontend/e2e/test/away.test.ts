import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';
import { seat } from '../src/tab.ts';

const built = await readFile(new URL('../../../cmd/site-dev.yaml', import.meta.url), 'utf8');
const quick = built.replace(/grace: \S+/, 'grace: 12s').replace(/linger: \S+/, 'linger: 500ms');

scenario(
  'an operator who is away has the grace to come back; then the seat is empty, and nobody is put there',
  async (stage) => {
    const [hers, his] = [await stage.computer(), await stage.computer()];
    const alice = await (await hers.open(stage.hub(0))).signIn('alice');
    const second = await (await hers.open(stage.hub(1))).live();
    const bob = await (await his.open(stage.hub(1))).signIn('bob');
    await alice.takeSeat();
    await bob.saying('Ask for control', 'when you are gone', 'Ask');
    await alice.control.getByRole('listitem').getByText('when you are gone').waitFor();
    await bob.watch('seat', seat);
    const countdown = bob.control.getByRole('timer', { name: 'Time until the seat becomes free' });

    await alice.page.close();
    await second.page.close();
    await countdown.waitFor();
    await bob.says('Alice’s connection is lost');
    const third = await hers.open(stage.hub(0));
    await third.live();
    await bob.says('Alice is in control');
    await third.says('You are in control');
    await countdown.waitFor({ state: 'detached' });
    expect(await bob.seen('seat')).toEqual([
      'Alice is in control',
      'Alice’s connection is lost',
      'Alice is in control',
    ]);

    await third.page.close();
    await countdown.waitFor();
    expect(await countdown.innerText()).toMatch(/^0:(0\d|1[0-2])$/);
    await picture(bob.page, `countdown ${stage.installation.layout}`);
    await bob.says('Nobody is in control');
    const fourth = await (await hers.open(stage.hub(1))).live();
    await fourth.says('Nobody is in control'); // coming late puts nobody back
    await bob.journal('Alice did not come back; the seat is vacant');
    expect((await bob.seen('seat')).slice(3)).toEqual(['Alice’s connection is lost', 'Nobody is in control']);
    await bob.takeSeat(); // that is for him to do
    await fourth.says('Bob is in control');
  },
  { site: quick },
);
