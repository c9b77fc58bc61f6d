import { expect } from 'vitest';
import { picture, scenario } from '../src/scenario.ts';

const progress = { selector: '[aria-label="Queue entries"] [role=progressbar]', attribute: 'aria-valuenow' };

scenario('the queue runs before everybody, and an observer stops it at once', async (stage) => {
  const [hers, his] = [await stage.computer(), await stage.computer()];
  const alice = await (await hers.open(stage.hub(0))).signIn('alice');
  const bob = await (await his.open(stage.hub(1))).signIn('bob');
  await alice.takeSeat();
  await alice.addToQueue(360, 'Lys-01', 'Ins-02');
  await bob.entry('Ins-02').waitFor();
  for (const tab of [alice, bob]) await tab.watch('progress', progress);
  await alice.queue.getByRole('button', { name: 'Start' }).click();
  for (const tab of [alice, bob]) {
    await tab.entry('Lys-01').and(tab.page.locator('[aria-current=step]')).waitFor();
    await tab.entry('Lys-01').getByText('mounting Lys-01').waitFor();
  }
  await bob.page.getByRole('checkbox', { name: /Lys-01, lysozyme, mounted/ }).waitFor();
  await bob
    .entry('Lys-01')
    .getByText(/^centring/)
    .waitFor();
  await picture(bob.page, `running ${stage.installation.layout}`);

  const stop = bob.queue.getByRole('button', { name: 'Stop' });
  const began = performance.now();
  await stop.click();
  for (const tab of [bob, alice])
    await tab
      .entry('Lys-01')
      .getByText(/^stopped/)
      .waitFor();
  expect(performance.now() - began).toBeLessThan(10_000); // 200 ms for the stop, and the machine may be busy
  for (const tab of [bob, alice]) {
    await tab.queue.getByRole('heading').locator('xpath=..').getByText('2 entries').waitFor(); // it is idle again
    const percents = (await tab.seen('progress')).map(Number);
    expect(percents.length).toBeGreaterThanOrEqual(3);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(await tab.page.getByRole('log', { name: 'Log' }).getByText(/stop/i).count()).toBeGreaterThan(0);
  }
  await bob.says('Alice is in control'); // stopping is not driving
  await alice.journal('Bob stopped: queue.stop');
});
