import { BatonError } from '@baton/client';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Fake } from '../src/dev/fakeBaton.ts';
import { fakeHub } from '../src/dev/fakeHub.ts';
import { alice, asking, bob, operatedBy, ordinary, sam } from '../src/dev/scene.ts';
import { states } from '../src/dev/states.ts';
import { Memory } from '../src/memory/useMemory.ts';
import { Screen } from '../src/shell/Screen.tsx';
import { button, operating, Page, refuses, say, show } from './show.tsx';

const bar = () => screen.getByRole('region', { name: 'Control' });

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the control bar', () => {
  it('shows who waits to whom may answer, and grants the one that is meant', async () => {
    const requests = [asking(bob, 'for centring', 3), asking(sam, '', 1)];
    const { baton, user } = show({ ...operating, control: { ...operatedBy(alice, alice), requests } });
    const line = within(screen.getByRole('list', { name: 'Requests for control' })).getAllByRole('listitem');
    expect(line.map((item) => item.textContent)).toEqual([
      expect.stringContaining('Bob Lindqvist asks for control: “for centring”3 min ago'),
      expect.stringContaining('Sam Okafor asks for control1 min ago'),
    ]);
    await user.click(within(line[1] as HTMLElement).getByRole('button', { name: 'Grant' }));
    expect(baton.asked).toEqual([['grant', 'r-sam']]);
  });

  it('denies with a reason', async () => {
    const { baton, user } = show({
      ...operating,
      control: { ...operatedBy(alice, alice), requests: [asking(bob, '', 3)] },
    });
    await user.click(button('Deny'));
    const dialog = await screen.findByRole('dialog');
    fireEvent.change(within(dialog).getByLabelText('Reason'), { target: { value: 'after this scan' } });
    await user.click(within(dialog).getByRole('button', { name: 'Deny' }));
    expect(baton.asked).toEqual([['deny', 'r-bob', 'after this scan']]);
  });

  it('lets nobody but the operator answer a request', () => {
    show({ control: { ...ordinary.control, requests: [asking(bob, '', 3)] } });
    expect(screen.queryByRole('button', { name: 'Grant' })).toBeNull();
    expect(button('Withdraw request')).toBeTruthy();
  });

  it('says why one was denied until that is dismissed', async () => {
    const { baton, user } = show();
    expect(bar().textContent).toContain('Alice Moreau denied your request for control: “after this scan”');
    await user.click(button('Dismiss notice'));
    expect(bar().textContent).not.toContain('denied your request');
    expect(baton.asked).toEqual([['write ui', { set: { notice: '3' } }]]);
  });

  it('counts down while the operator’s link is lost, and stops at zero', () => {
    vi.useFakeTimers();
    show({ control: { ...ordinary.control, lost: { until: performance.now() + 21_000 } } });
    expect(bar().textContent).toContain('Alice Moreau’s connection is lost');
    expect(screen.getByRole('timer').textContent).toBe('0:21');
    act(() => vi.advanceTimersByTime(5000));
    expect(screen.getByRole('timer').textContent).toBe('0:16');
    act(() => vi.advanceTimersByTime(60_000));
    expect(screen.getByRole('timer').textContent).toBe('0:00');
  });

  it('does not tell the operator of a lost link that is there again', () => {
    show({
      ...operating,
      control: { ...operatedBy(alice, alice), lost: { until: performance.now() + 9_000 } },
    });
    expect(bar().textContent).toContain('You are in control');
    expect(screen.queryByRole('timer')).toBeNull();
  });

  it('offers a vacant seat, which nobody gets without asking', async () => {
    const { baton, user } = show({ control: operatedBy(null, bob) });
    expect(bar().textContent).toContain('Nobody is in control');
    expect(baton.asked).toEqual([]);
    await user.click(button('Take the seat'));
    expect(baton.asked).toEqual([['request']]);
  });

  it('lets staff take control only with a reason', async () => {
    const { baton, user } = show({ you: sam, control: operatedBy(alice, sam) });
    await user.click(button('Take control'));
    const dialog = await screen.findByRole('dialog');
    const take = within(dialog).getByRole('button', { name: 'Take control' });
    expect(refuses(take)).toBe(true);
    fireEvent.change(within(dialog).getByLabelText(/Reason/), { target: { value: 'cryo alarm' } });
    await user.click(take);
    expect(baton.asked).toEqual([['take', { reason: 'cryo alarm' }]]);
  });

  it('lets staff take control of a running beamline by force only, with the password', async () => {
    const hub = fakeHub({
      'GET spaces': {
        body: { title: '', spaces: [], providers: [{ name: 'uni', title: 'the university' }] },
      },
      'POST session/confirm': [{ status: 401, body: { code: 'wrong_credentials' } }, { body: {} }],
    });
    vi.stubGlobal('fetch', hub.fetch);
    const { baton, user } = show({ you: sam, control: operatedBy(alice, sam) });
    const answers = [
      new BatonError({ code: 'busy', detail: 'The queue is running.', more: { may_force: true } }),
      new BatonError({ code: 'confirm', detail: 'Enter your password again.' }),
    ];
    baton.answer = ([what]) => {
      const refusal = what === 'take' ? answers.shift() : undefined;
      if (refusal) throw refusal;
    };
    await user.click(button('Take control'));
    await say('Reason', 'cryo alarm', 'Take control');
    expect((await screen.findByText(/The queue is running/)).textContent).toContain('nothing stops by that');
    await say('Reason', 'it is warm already', 'Take control anyway');
    const link = await screen.findByRole('link', { name: 'the university' });
    expect(link.getAttribute('href')).toBe('/api/v1/login/uni?space=demo&return=%2F&fresh=true');
    await say('Password of Sam Okafor', 'wrong', 'Confirm');
    await screen.findByText('This is not your password.');
    await say('Password of Sam Okafor', 'right', 'Confirm');
    const forced = ['take', { reason: 'it is warm already', force: true }];
    await expect.poll(() => baton.asked).toEqual([['take', { reason: 'cryo alarm' }], forced, forced]);
    expect(hub.asked).toEqual([
      'GET spaces',
      'POST session/confirm {"password":"wrong"}',
      'POST session/confirm {"password":"right"}',
    ]);
  });

  it('does nothing, and says nothing, when the password is not given', async () => {
    vi.stubGlobal('fetch', fakeHub({}).fetch);
    const { baton, user } = show({ you: sam, control: operatedBy(alice, sam) });
    baton.answer = () => {
      throw new BatonError({ code: 'confirm', detail: 'Enter your password again.' });
    };
    await user.click(button('Take control'));
    await say('Reason', 'cryo alarm', 'Take control');
    const dialog = await screen.findByRole('dialog', { name: 'Enter your password again' });
    await user.click(within(dialog).getByRole('button', { name: 'Cancel' }));
    await expect.poll(() => screen.queryByRole('dialog')).toBeNull();
    expect(baton.asked).toEqual([['take', { reason: 'cryo alarm' }]]);
    expect(within(bar()).queryByRole('alert')).toBeNull();
  });

  it('does not say who is in control before the hub has', () => {
    render(
      <Page baton={states.remembered?.() as Fake}>
        <Memory value={{ at: Date.now(), welcome: {} as never, mine: false }}>
          <Screen leave={async () => undefined} idleInput={undefined} />
        </Memory>
      </Page>,
    );
    expect(bar().textContent).toContain('Asking who is in control');
    expect(screen.queryByRole('button', { name: 'Take the seat' })).toBeNull();
    expect(screen.queryByText('No motors yet.')).toBeNull();
    expect(screen.queryByText('No sample mounted')).toBeNull();
    const entries = within(screen.getByRole('list', { name: 'Queue entries' })).getAllByRole('listitem');
    expect(entries).toHaveLength(6);
    expect(within(screen.getByRole('region', { name: 'Queue' })).getByText('Stale')).toBeTruthy();
    expect(refuses(within(entries[0] as HTMLElement).getByRole('button', { name: /^Delete/ }))).toBe(true);
    expect(refuses(button('Start'))).toBe(true);
  });

  it('is taken over from oneself on another computer without asking', async () => {
    const { baton, user } = show({
      you: { ...bob, session: 'sb2' },
      control: operatedBy(bob, { ...bob, session: 'sb2' }),
    });
    expect(bar().textContent).toContain('You, on another computer, are in control');
    expect(screen.queryByRole('button', { name: 'Ask for control' })).toBeNull();
    await user.click(button('Take over here'));
    expect(baton.asked.map(([what]) => what)).toEqual(['take']);
  });

  it('offers no taking to others than staff', () => {
    show();
    expect(screen.queryByRole('button', { name: 'Take control' })).toBeNull();
  });

  it('shows why the hub refused, until that is dismissed', async () => {
    const { baton, user } = show(operating);
    baton.answer = () => {
      throw new BatonError({ code: 'control', detail: 'You are not in control any more.' });
    };
    await user.click(button('Release control'));
    const alert = within(bar()).getByRole('alert');
    expect(alert.textContent).toBe('Refused: You are not in control any more.');
    await user.click(within(alert).getByRole('button', { name: 'Dismiss' }));
    expect(within(bar()).queryByRole('alert')).toBeNull();
  });
});
