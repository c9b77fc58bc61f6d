import { MantineProvider } from '@mantine/core';
import { act, fireEvent, render, screen } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { App } from '../src/App.tsx';
import { elsewhere } from '../src/dev/doors.ts';
import { type Answers, fakeHub } from '../src/dev/fakeHub.ts';
import { recall } from '../src/memory/kept.ts';
import { enterPlace } from '../src/memory/place.ts';
import { alice, browser, joined, seen, slowly, welcomed } from './hub.ts';
import { button } from './show.tsx';

const spaces = { body: { title: 'Site', spaces: [{ name: 'demo', title: 'Demo' }] } };
const me = { body: { session: 's1', space: 'demo', title: 'Demo', you: alice, cookie_max_age: 9 } };
const nobody = (ended?: object) => ({ status: 401, body: { code: 'signed_out', ...(ended && { ended }) } });

const here = browser();

function start(answers: Answers) {
  const hub = fakeHub({ 'GET spaces': spaces, ...answers });
  vi.stubGlobal('fetch', hub.fetch);
  render(
    <MantineProvider env="test">
      <App />
    </MantineProvider>,
  );
  return hub;
}

async function connected() {
  await welcomed(here.sockets);
  await screen.findByRole('region', { name: 'Control' });
}

const userName = async () => ((await screen.findByLabelText('User name')) as HTMLInputElement).value;

describe('a browser', () => {
  it('whose login session has ended says how at the door', async () => {
    const by = { user: 'sam', name: 'Sam', session: 's9' };
    start({ 'GET session': nobody({ how: 'ended', by, reason: 'left open', at: new Date().toISOString() }) });
    expect((await screen.findByRole('status')).textContent).toMatch(
      /^Sam ended your sign-in at .*: left open\.$/,
    );
  });

  it('shows what it remembers before the hub has said anything, and forgets it when nobody is signed in', async () => {
    await seen(here.sockets, {
      queue: { q1: { sample: '1:03', task: 'collection', order: 1, params: {} } },
    });
    let answer: ((response: Response) => void) | undefined;
    vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (answer = resolve)));
    render(
      <MantineProvider env="test">
        <App />
      </MantineProvider>,
    );
    await screen.findByRole('listitem', { name: '1. 1:03, Collection' });
    expect(screen.getByText('Asking who is in control')).toBeTruthy();
    vi.stubGlobal('fetch', fakeHub({ 'GET spaces': spaces, 'GET session': nobody() }).fetch);
    await act(async () => answer?.(new Response('{"code":"signed_out"}', { status: 401 })));
    await screen.findByLabelText('User name');
    expect(await recall()).toBeUndefined();
  });
});

describe('a login session that ends', () => {
  it('by itself takes its tabs to the door with the reason, and keeps the place', async () => {
    start({ 'GET session': me });
    await connected();
    fireEvent.change(screen.getByLabelText('Find a sample'), { target: { value: 'Lys' } });
    act(() => here.sockets.last.cut(4401, 'not in use for too long'));
    expect((await screen.findByText(/too long/)).textContent).toBe(
      'You were signed out: not in use for too long.',
    );
    expect(await userName()).toBe('alice');
    expect(sessionStorage.getItem('baton-place')).toContain('Lys');
    expect(await recall()).toBeUndefined();
  });

  it('by a sign-out in another tab leaves nothing here either', async () => {
    start({ 'GET session': me });
    await connected();
    fireEvent.change(screen.getByLabelText('Find a sample'), { target: { value: 'Lys' } });
    act(() => here.sockets.last.cut(4401, 'signed out'));
    await screen.findByText('You were signed out.');
    await expect.poll(() => Object.keys(sessionStorage)).toEqual([]);
  });

  it('because of a sign-in elsewhere says by whom, and does not fight back', async () => {
    const replaced = { how: 'replaced', by: alice, at: new Date().toISOString() };
    const hub = start({
      'GET session': [me, nobody(replaced)],
      'POST session': { status: 409, body: elsewhere },
    });
    await connected();
    const before = here.sockets.all.length;
    vi.useFakeTimers();
    act(() => here.sockets.last.cut(4409, 'alice signed in on another computer (10.0.0.7)'));
    expect(screen.getByText('Alice signed in on another computer (10.0.0.7).')).toBeTruthy();
    act(() => vi.advanceTimersByTime(600_000));
    act(() => void dispatchEvent(new Event('online')));
    expect(here.sockets.all).toHaveLength(before);
    expect(hub.asked).toEqual(['GET session']);
    vi.useRealTimers();
    fireEvent.click(button('Sign in here again'));
    expect(await userName()).toBe('alice');
    fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'x' } });
    fireEvent.click(button('Sign in'));
    await screen.findByRole('dialog', { name: 'You are signed in elsewhere' });
    expect(here.sockets.all).toHaveLength(before);
  });

  it('by one’s own wish clears what this app has put into the browser', async () => {
    start({ 'GET session': me, 'DELETE session': { status: 204 } });
    await connected();
    localStorage.setItem('baton-bell', 'on');
    fireEvent.click(button('Signed in as Alice Martin'));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    await screen.findByText('You have signed out.');
    expect([...Object.keys(localStorage), ...Object.keys(sessionStorage)]).toEqual([]);
  });

  it('is kept while the hub says no', async () => {
    const detail = 'the instrument is running';
    start({ 'GET session': me, 'DELETE session': { status: 409, body: { code: 'busy', detail } } });
    await connected();
    fireEvent.click(button('Signed in as Alice Martin'));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Sign out' }));
    await screen.findByText('The instrument is running.');
    expect(sessionStorage.getItem('baton-place')).not.toBeNull();
  });
});

describe('a reload while the hub is away', () => {
  it('goes on when it is back, and learns then who is signed in', async () => {
    await seen(here.sockets, {});
    const hub = fakeHub({
      'GET session': { body: { ...me.body, idle_input_ms: 900_000 } },
      'POST session/active': {},
    });
    let away = true;
    vi.stubGlobal('fetch', (...asked: Parameters<typeof fetch>) =>
      away ? Promise.reject(new TypeError('network')) : hub.fetch(...asked),
    );
    render(
      <MantineProvider env="test">
        <App />
      </MantineProvider>,
    );
    await screen.findByText('Asking who is in control');
    away = false;
    await connected();
    await joined(here.sockets);
    await expect.poll(() => hub.asked).toEqual(['GET session']);
    await vi.waitFor(() => {
      fireEvent.keyDown(document.body, { key: 'a' });
      expect(hub.asked).toEqual(['GET session', 'POST session/active']);
    }, slowly);
  });
});

describe('the place of somebody', () => {
  it('is nothing to the next one', async () => {
    enterPlace('bob', 'demo');
    await seen(here.sockets, { queue: { q1: { sample: 'his' } } }, { you: { ...alice, user: 'bob' } });
    start({ 'GET session': me });
    await connected();
    expect(sessionStorage.getItem('baton-place')).toContain('alice');
    expect(screen.queryByRole('listitem', { name: /his/ })).toBeNull();
    await vi.waitFor(async () => expect((await recall())?.welcome.you.user).not.toBe('bob'), slowly);
  });
});
