import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SignIn } from '../src/signin/SignIn.tsx';

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

  it('without a hub offers to try again', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('network')));
    const { user } = show();
    const again = await screen.findByRole('button', { name: 'Try again' });
    hub(200, me);
    await user.click(again);
    expect(await screen.findByLabelText('User name')).toBeTruthy();
  });
});
