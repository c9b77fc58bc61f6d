import { BatonError } from '@baton/client';
import { act, fireEvent, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fakeHub, loginSession } from '../src/dev/fakeHub.ts';
import { sam } from '../src/dev/scene.ts';
import { browserName } from '../src/sessions/agent.ts';
import { button, operating, refuses, say, show } from './show.tsx';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function menu(user: ReturnType<typeof show>['user'], item: string) {
  await user.click(button(/^Signed in as/));
  await user.click(await screen.findByRole('menuitem', { name: item }));
}

const busy = (may_force: boolean) =>
  new BatonError({ code: 'busy', detail: 'The queue is running.', more: { may_force } });

describe('signing out while the beamline runs', () => {
  it('is refused with what to do', async () => {
    const leave = vi.fn().mockRejectedValue(busy(false));
    const { user } = show(operating, { leave });
    await menu(user, 'Sign out');
    const dialog = await screen.findByRole('dialog', { name: 'Not while the beamline runs' });
    expect(dialog.textContent).toContain('The queue is running.');
    expect(dialog.textContent).toContain('Wait until it has ended, or stop it');
    expect(within(dialog).queryByRole('button', { name: 'Sign out anyway' })).toBeNull();
  });

  it('is forced by staff with a reason and their password', async () => {
    const hub = fakeHub({ 'POST session/confirm': { body: {} } });
    vi.stubGlobal('fetch', hub.fetch);
    const leave = vi
      .fn()
      .mockRejectedValueOnce(busy(true))
      .mockRejectedValueOnce(new BatonError({ code: 'confirm', detail: 'Enter your password again.' }))
      .mockResolvedValue(undefined);
    const { user } = show({ you: sam }, { leave });
    await menu(user, 'Sign out');
    await say('Reason', 'the shift is over', 'Sign out anyway');
    await say('Password of Sam Okafor', 'secret', 'Confirm');
    const forced = [{ force: true, reason: 'the shift is over' }];
    await expect.poll(() => leave.mock.calls).toEqual([[{}], forced, forced]);
    expect(hub.asked.at(-1)).toBe('POST session/confirm {"password":"secret"}');
  });
});

describe('the login sessions', () => {
  it('are one’s own, and are ended from here', async () => {
    const hub = fakeHub({
      'GET sessions': {
        body: { sessions: [loginSession({ current: true }), loginSession({ session: 's2', tabs: 0 })] },
      },
      'DELETE sessions/s2': { status: 204 },
    });
    vi.stubGlobal('fetch', hub.fetch);
    const { user } = show();
    await menu(user, 'Login sessions');
    const list = await screen.findByRole('list', { name: 'Login sessions' });
    const [own, other] = within(list).getAllByRole('listitem');
    expect(own?.textContent).toContain('this browser');
    expect(within(own as HTMLElement).queryByRole('button')).toBeNull();
    expect(other?.textContent).toContain('Firefox 133 on Linux');
    expect(other?.textContent).toContain('no open tab');
    expect(screen.queryByRole('radio', { name: 'Everybody’s' }), 'he is no admin').toBeNull();
    await user.click(within(other as HTMLElement).getByRole('button', { name: /^End/ }));
    await user.click(await screen.findByRole('button', { name: 'End session' }));
    await expect.poll(() => within(list).getAllByRole('listitem')).toHaveLength(1);
    expect(hub.asked.at(-1)).toBe('DELETE sessions/s2?force=false&reason=');
  });

  it('of everybody are for admins, a page at a time, and are ended with a reason', async () => {
    const page = (n: number, after?: string) => ({
      body: { sessions: [loginSession({ session: `s${n}`, name: `Visitor ${n}`, user: `v${n}` })], after },
    });
    const hub = fakeHub({
      'GET sessions': [page(0), page(1, 's1'), page(2)],
      'DELETE sessions/s2': { status: 204 },
    });
    vi.stubGlobal('fetch', hub.fetch);
    const { user } = show({ you: { ...sam, roles: ['admin'] } });
    await menu(user, 'Login sessions');
    await user.click(await screen.findByText('Everybody’s'));
    await screen.findByText('Visitor 1');
    await user.click(button('Show more'));
    await user.click(await screen.findByRole('button', { name: 'End the session of Visitor 2' }));
    const end = await screen.findByRole('button', { name: 'End session' });
    expect(refuses(end)).toBe(true);
    await say('Reason', 'left open', 'End session');
    await expect.poll(() => screen.queryByText('Visitor 2')).toBeNull();
    expect(hub.asked).toEqual([
      'GET sessions?limit=50',
      'GET sessions?all=true&limit=50',
      'GET sessions?all=true&limit=50&after=s1',
      'DELETE sessions/s2?force=false&reason=left%20open',
    ]);
  });

  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0', 'Firefox 133 on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0',
      'Edge 131 on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
      'Safari 18 on macOS',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
      'Chrome 131 on Android',
    ],
    ['curl/8.5.0', 'curl/8.5.0'],
    ['', 'Unknown browser'],
  ])('name browsers as people do: %s', (agent, name) => {
    expect(browserName(agent)).toBe(name);
  });
});

describe('without deliberate input', () => {
  it('one is asked whether one is still there, and says so by a press', async () => {
    const hub = fakeHub({ 'POST session/active': { status: 204 } });
    vi.stubGlobal('fetch', hub.fetch);
    const { baton, user } = show(operating);
    act(() => baton.idle.set({ until: performance.now() + 60_000 }));
    const dialog = await screen.findByRole('dialog', { name: 'Are you still there?' });
    expect(within(dialog).getByRole('timer').textContent).toMatch(/^(1:00|0:5\d)$/);
    await user.click(within(dialog).getByRole('button', { name: 'I am still here' }));
    expect(hub.asked).toEqual(['POST session/active']);
    act(() => baton.idle.set(null)); // the hub says so, in all tabs
    await expect.poll(() => screen.queryByRole('dialog')).toBeNull();
  });

  it('presses and keys are reported at most once a minute, where the space wants it', () => {
    const hub = fakeHub({ 'POST session/active': { status: 204 } });
    vi.stubGlobal('fetch', hub.fetch);
    vi.useFakeTimers();
    show(operating, { idleInput: 900_000 });
    expect(hub.asked).toEqual([]);
    fireEvent.pointerDown(document.body);
    fireEvent.keyDown(document.body, { key: 'a' });
    expect(hub.asked).toHaveLength(1);
    vi.advanceTimersByTime(59_000);
    fireEvent.keyDown(document.body, { key: 'a' });
    fireEvent.scroll(document.body);
    expect(hub.asked).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    fireEvent.keyDown(document.body, { key: 'a' });
    expect(hub.asked).toHaveLength(2);
  });

  it('nothing is reported where no space wants it', () => {
    const hub = fakeHub({});
    vi.stubGlobal('fetch', hub.fetch);
    show(operating);
    fireEvent.pointerDown(document.body);
    expect(hub.asked).toEqual([]);
  });
});
