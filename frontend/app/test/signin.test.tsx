import { MantineProvider } from '@mantine/core';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { doors, elsewhere } from '../src/dev/doors.ts';
import { fakeHub } from '../src/dev/fakeHub.ts';
import { SignIn } from '../src/signin/SignIn.tsx';
import { button, refuses } from './show.tsx';

const list = {
  title: 'Demo site',
  spaces: [{ name: 'demo', title: 'Demo beamline' }],
  dev_users: ['alice', 'bob'],
};
const me = {
  session: 's1',
  space: 'demo',
  you: { user: 'bob', name: 'Bob', roles: ['user'], session: 's1' },
  cookie_max_age: 9,
};

/** A hub that answers sign-in with this; what was sent is returned. */
function hub(status: number, body: unknown): unknown[] {
  const sent: unknown[] = [];
  vi.stubGlobal('fetch', async (url: string, init?: { method?: string; body?: string }) => {
    if (url.endsWith('/spaces')) return new Response(JSON.stringify(list));
    if (init?.method === 'POST') sent.push(JSON.parse(init.body ?? ''));
    return new Response(JSON.stringify(body), { status });
  });
  return sent;
}

function show() {
  const entered = vi.fn();
  render(
    <MantineProvider env="test">
      <SignIn notice={undefined} entered={entered} />
    </MantineProvider>,
  );
  return { entered, user: userEvent.setup() };
}

afterEach(() => {
  vi.unstubAllGlobals();
  history.replaceState(null, '', '/');
});

describe('signing in', () => {
  it('sends what was typed and enters', async () => {
    const sent = hub(200, me);
    const { entered, user } = show();
    await user.type(await screen.findByLabelText('User name'), 'bob');
    await user.type(screen.getByLabelText('Password'), 'secret{Enter}');
    expect(sent).toEqual([{ space: 'demo', user: 'bob', password: 'secret' }]);
    await expect.poll(() => entered.mock.calls).toEqual([[me]]);
  });

  it('is one press for a demo user', async () => {
    const sent = hub(200, me);
    const { user } = show();
    await user.click(await screen.findByRole('button', { name: 'bob' }));
    expect(sent).toEqual([{ space: 'demo', user: 'bob', password: 'bob' }]);
  });

  it.each([
    [401, { code: 'signed_out' }, 'Wrong user name or password'],
    [
      503,
      { code: 'unavailable', detail: 'The session store cannot be reached.' },
      'Those who are signed in go on working',
    ],
    [429, { code: 'rate', detail: 'Too many sign-ins.' }, 'Wait a minute'],
    [403, { code: 'forbidden', detail: 'You have no role here.' }, 'You have no role here.'],
  ])('refused with %i says what to do', async (status, body, words) => {
    hub(status, body);
    const { entered, user } = show();
    await user.click(await screen.findByRole('button', { name: 'bob' }));
    expect((await screen.findByRole('alert')).textContent).toContain(words);
    expect(entered).not.toHaveBeenCalled();
  });

  it('refused because the seat is taken names who holds it and since when', async () => {
    const since = new Date(Date.now() - 130 * 60_000).toISOString();
    hub(409, {
      code: 'seat_taken',
      detail: 'Taken.',
      holder: { user: 'alice', name: 'Alice Moreau' },
      since,
    });
    const { user } = show();
    await user.click(await screen.findByRole('button', { name: 'bob' }));
    const text = (await screen.findByRole('alert')).textContent;
    expect(text).toContain('Alice Moreau is signed in');
    expect(text).toContain('(2 h 10 min)');
    expect(text).toContain('Ask Alice Moreau to sign out');
  });

  it('to a space that the site does not list is by its name in the address, or typed', async () => {
    const sent = hub(200, me);
    history.replaceState(null, '', '/?space=commissioning');
    const { user } = show();
    expect(((await screen.findByRole('combobox', { name: 'Beamline' })) as HTMLInputElement).value).toBe(
      'commissioning',
    );
    await user.click(button('bob'));
    expect(sent).toMatchObject([{ space: 'commissioning' }]);
    cleanup();
    history.replaceState(null, '', '/');
    const typed = fakeHub({
      'GET spaces': { body: { title: 'Site', spaces: [] } },
      'POST session': { body: me },
    });
    vi.stubGlobal('fetch', typed.fetch);
    const again = show();
    await again.user.type(await screen.findByRole('textbox', { name: 'Beamline' }), 'commissioning');
    await again.user.type(screen.getByLabelText('User name'), 'bob');
    await again.user.type(screen.getByLabelText('Password'), 'x{Enter}');
    expect(typed.asked.at(-1)).toBe('POST session {"space":"commissioning","user":"bob","password":"x"}');
  });

  it('elsewhere offers the providers of the hub, and says what they came back with', async () => {
    vi.stubGlobal('fetch', fakeHub(doors.providers ?? {}).fetch);
    history.replaceState(null, '', '/?login=forbidden');
    show();
    const link = await screen.findByRole('link', { name: 'Sign in with ORCID' });
    expect(link.getAttribute('href')).toBe('/api/v1/login/orcid?space=demo&return=%2F%3Fspace%3Ddemo');
    expect(screen.getByRole('alert').textContent).toContain('the proposal is not yours');
    expect(location.search, 'a reload does not say it again').toBe('');
  });

  it('elsewhere asks before it replaces', async () => {
    vi.stubGlobal('fetch', fakeHub(doors.providers ?? {}).fetch);
    history.replaceState(null, '', '/?space=i04&login=signed_in_elsewhere');
    show();
    const link = await screen.findByRole('link', { name: 'Close the other and sign in with ORCID' });
    expect(link.getAttribute('href')).toMatch(/\?space=i04&.*&replace=true$/);
  });

  it('elsewhere goes there again with the proposal that was chosen', async () => {
    vi.stubGlobal('fetch', fakeHub(doors.providers ?? {}).fetch);
    history.replaceState(null, '', '/?login=choose_proposal&proposal=mx-1&proposal=mx-2');
    const { user } = show();
    await user.click(await screen.findByRole('combobox', { name: 'Proposal' }));
    await user.click(await screen.findByRole('option', { name: 'mx-2' }));
    const link = screen.getByRole('link', { name: 'Sign in with ORCID' });
    expect(link.getAttribute('href')).toContain('proposal=mx-2');
  });

  it('for one of several proposals asks which, and goes on with that', async () => {
    const proposals = ['mx-1', 'mx-2'];
    const choose = { status: 409, body: { code: 'choose_proposal', detail: 'Choose.', proposals } };
    const sent = fakeHub({ 'GET spaces': { body: list }, 'POST session': [choose, { body: me }] });
    vi.stubGlobal('fetch', sent.fetch);
    const { entered, user } = show();
    await user.type(await screen.findByLabelText('User name'), 'bob');
    await user.type(screen.getByLabelText('Password'), 'secret{Enter}');
    await user.click(await screen.findByRole('combobox', { name: 'Proposal' }));
    expect(refuses(button('Sign in')), 'none is chosen').toBe(true);
    await user.click(await screen.findByRole('option', { name: 'mx-2' }));
    await user.click(button('Sign in'));
    await expect.poll(() => entered.mock.calls).toEqual([[me]]);
    expect(sent.asked.at(-1)).toBe(
      'POST session {"space":"demo","user":"bob","password":"secret","proposal":"mx-2"}',
    );
  });

  it('after too many attempts counts down until it may be tried again', async () => {
    vi.stubGlobal('fetch', fakeHub(doors.throttled ?? {}).fetch);
    const { user } = show();
    await user.type(await screen.findByLabelText('User name'), 'bob');
    vi.useFakeTimers({ now: Date.now(), shouldAdvanceTime: true });
    fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'x' } });
    fireEvent.click(button('Sign in'));
    expect(refuses(await screen.findByRole('button', { name: /^Try again in 0:4\d$/ }))).toBe(true);
    act(() => vi.advanceTimersByTime(48_000));
    expect(refuses(await screen.findByRole('button', { name: 'Sign in' }))).toBe(false);
    vi.useRealTimers();
  });

  it('while one is signed in elsewhere names that sign-in, and replaces it only when told to', async () => {
    const sent = fakeHub({
      'GET spaces': { body: list },
      'POST session': [{ status: 409, body: elsewhere }, { body: me }],
    });
    vi.stubGlobal('fetch', sent.fetch);
    const { entered, user } = show();
    await user.click(await screen.findByRole('button', { name: 'bob' }));
    const dialog = await screen.findByRole('dialog', { name: 'You are signed in elsewhere' });
    const [first] = within(dialog).getAllByRole('listitem');
    expect(first?.textContent).toMatch(
      /^Firefox 133 on Linuxin controlat 10\.21\.4\.17since .* \(2 h 10 min\) · open now/,
    );
    expect(dialog.textContent).toContain('the seat becomes free');
    expect(sent.asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
    await user.click(within(dialog).getByRole('button', { name: 'Close the others and sign in here' }));
    await expect.poll(() => entered.mock.calls).toEqual([[me]]);
    expect(sent.asked.at(-1)).toBe(
      'POST session {"space":"demo","user":"bob","password":"bob","replace":true}',
    );
  });

  it('where the other sign-in may not be replaced says what to do', async () => {
    hub(409, { ...elsewhere, may: [] });
    const { user } = show();
    await user.click(await screen.findByRole('button', { name: 'bob' }));
    const dialog = await screen.findByRole('dialog', { name: 'You are signed in elsewhere' });
    expect(dialog.textContent).toContain('Sign out on those computers first');
    expect(within(dialog).queryByRole('button', { name: /sign in here/ })).toBeNull();
  });

  it('without a hub offers to try again', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
    const { user } = show();
    const again = await screen.findByRole('button', { name: 'Try again' });
    hub(200, me);
    await user.click(again);
    expect(await screen.findByLabelText('User name')).toBeTruthy();
  });
});
