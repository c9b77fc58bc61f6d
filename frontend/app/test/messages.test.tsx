import { act, screen, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JournalRecord } from '../src/beamline.ts';
import type { Fake } from '../src/dev/fakeBaton.ts';
import { alice, bob, ordinary, sam } from '../src/dev/scene.ts';
import { button, operating, show } from './show.tsx';

let position = 100;

/** The hub tells of records or messages. */
function say(baton: Fake, log: string, by: string, ...data: object[]) {
  const at = baton.messages(log);
  const news = data.map((one) => ({
    at: new Date().toISOString(),
    by,
    data: one,
    position: ++position,
    n: 0,
  }));
  act(() => at.set({ ...at.get(), messages: [...at.get().messages, ...news] }));
}

const asks: JournalRecord = {
  do: 'request',
  result: 'waiting',
  session: 'sb',
  name: bob.name,
  message: 'please',
};

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  localStorage.clear();
});

describe('a toast', () => {
  it('tells of what others do about control, and not of what was there or what one does oneself', async () => {
    const { baton } = show(operating);
    say(baton, 'control', 'alice', { do: 'deny', session: alice.session, name: alice.name, to: bob });
    say(baton, 'control', 'alice', { do: 'call', session: 'ss', name: sam.name, command: 'motor.move' });
    say(baton, 'control', 'bob', asks);
    await screen.findByText('Bob Lindqvist asked for control: “please”');
    expect(toasts()).toHaveLength(1);
  });

  it('of a crowd is one', async () => {
    const { baton } = show(operating);
    say(baton, 'control', 'bob', ...Array.from({ length: 200 }, () => asks));
    expect((await screen.findByText('200 changes of control')).textContent).toBeTruthy();
    expect(toasts()).toHaveLength(1);
  });
});

function toasts() {
  return [
    ...document.querySelectorAll(
      '[data-mantine-shared-portal-node] [role=alert], .mantine-Notification-root',
    ),
  ];
}

describe('the browser’s notification', () => {
  class Notification {
    static permission = 'default';
    static requestPermission = vi.fn(async () => {
      Notification.permission = 'granted';
      return 'granted';
    });
    static shown: string[] = [];
    constructor(title: string, options: { body: string }) {
      Notification.shown.push(`${title}: ${options.body}`);
    }
    close() {}
  }

  it('is asked for by a press on the bell, and shown to the operator who looks elsewhere', async () => {
    vi.stubGlobal('Notification', Notification);
    const { baton, user } = show(operating);
    const bell = button('Notifications of requests for control');
    expect(Notification.requestPermission).not.toHaveBeenCalled();
    await user.click(bell);
    await expect.poll(() => bell.getAttribute('aria-pressed')).toBe('true');
    say(baton, 'control', 'bob', asks);
    expect(Notification.shown, 'the tab is looked at').toEqual([]);
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    say(baton, 'control', 'bob', asks);
    expect(Notification.shown).toEqual(['Bob Lindqvist asks for control: please']);
    await user.click(bell);
    say(baton, 'control', 'bob', asks);
    expect(Notification.shown).toHaveLength(1);
  });

  it('has no bell where the browser has none', () => {
    show(operating);
    expect(screen.queryByRole('button', { name: 'Notifications of requests for control' })).toBeNull();
  });
});

describe('the journal', () => {
  const moved: JournalRecord = {
    do: 'call',
    session: 'sa',
    user: 'alice',
    name: alice.name,
    from: '10.21.4.17',
    command: 'motor.move',
    call: 'k7',
    result: 'done',
    term: 4,
  };
  const records = [
    ...(ordinary.logs.control ?? []),
    { at: new Date().toISOString(), by: 'alice', data: moved },
  ];
  const scene = {
    ...operating,
    logs: { ...ordinary.logs, control: records },
    stores: { ...ordinary.stores, ui: { tab: 'control' } },
  };
  const rows = () =>
    [...screen.getByRole('log', { name: 'Control journal' }).querySelectorAll('summary')].map(
      (row) => row.lastChild?.textContent,
    );

  it('tells who, from where, with which result, and is filtered by kind and word', async () => {
    const { user } = show(scene);
    expect(rows()).toHaveLength(4);
    expect(screen.getByText('motor.move (call k7)')).toBeTruthy();
    expect(screen.getByText('10.21.4.17')).toBeTruthy();
    await user.click(screen.getByText('Commands'));
    expect(rows()).toEqual(['Alice Moreau called motor.move, done']);
    await user.click(
      within(screen.getByRole('radiogroup', { name: 'Show in the journal' })).getByText('Control'),
    );
    expect(rows()).toHaveLength(3);
    await user.type(screen.getByLabelText('Find in the journal'), 'denied');
    expect(rows()).toEqual(['Alice Moreau denied Bob Lindqvist: “after this scan”']);
    await user.click(button('Clear'));
    expect(rows()).toHaveLength(3);
  });

  it('is exported', () => {
    show(scene);
    const link = screen.getByRole('link', { name: 'Export the journal' });
    expect(link.getAttribute('href')).toBe('/api/v1/spaces/demo/export?channels=control');
  });
});

describe('the chat', () => {
  it('counts what one has not read, until one has it before oneself', async () => {
    const { baton, user } = show({ stores: { ...ordinary.stores, ui: { 'read/chat': '1' } } });
    expect(screen.getByRole('status', { name: '1 unread message' })).toBeTruthy();
    say(baton, 'chat', 'alice', { text: 'The beam is back.' });
    say(baton, 'chat', 'bob', { text: 'I see it.' }); // from another tab of the same person
    expect(screen.getByRole('status', { name: '2 unread messages' })).toBeTruthy();
    await user.click(screen.getByRole('tab', { name: /^Chat/ }));
    await screen.findByText('The beam is back.');
    expect(screen.queryByRole('status', { name: /unread/ })).toBeNull();
    expect(baton.asked.at(-1)).toEqual(['write ui', { set: { 'read/chat': String(position) } }]);
  });

  it('is not read by a tab that nobody looks at', async () => {
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    const { baton } = show({ stores: { ...ordinary.stores, ui: { tab: 'chat', 'read/chat': '2' } } });
    say(baton, 'chat', 'alice', { text: 'The beam is back.' });
    await screen.findByText('The beam is back.');
    expect(screen.getByRole('status', { name: '1 unread message' })).toBeTruthy();
    expect(baton.asked).toEqual([]);
  });

  it('of another day says which', () => {
    const chat = [{ at: '2024-03-05T10:32:05Z', by: 'bob', data: { text: 'Here we go.' } }];
    show({ logs: { ...ordinary.logs, chat }, stores: { ...ordinary.stores, ui: { tab: 'chat' } } });
    const time = screen.getByText('Here we go.').parentElement?.querySelector('time');
    expect(time?.textContent).toMatch(/2024.*\d\d:\d\d:05/);
  });
});
