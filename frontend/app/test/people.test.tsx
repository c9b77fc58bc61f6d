import type { Socket } from '@baton/client';
import { act, fireEvent, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { People } from '../src/shell/People.tsx';
import { measured } from '../src/shell/roundTrip.ts';
import { button, showOne } from './show.tsx';

it('tells of each person how good the link of the best of their pages is', async () => {
  const { baton } = showOne(<People />);
  const page = (by: string, ms: number) => ({ by, data: { ms, session: '' } });
  act(() =>
    baton.heard('links').set({
      ready: true,
      latest: new Map([
        ['c1', page('alice', 900)],
        ['c2', page('alice', 31)],
        ['c3', page('sam', 400)],
      ]),
    }),
  );
  fireEvent.click(button('3 people are here'));
  await screen.findByText('31 ms');
  await screen.findByLabelText('Link slow, 400 ms');
  expect(screen.queryByText('900 ms')).toBeNull();
  act(() => baton.roundTrip.set(23.4));
  await screen.findByText('23 ms');
});

it('measures the way to the hub and back over the socket that the page has, by the newest question', () => {
  vi.useFakeTimers();
  try {
    const sent: string[] = [];
    const socket = { send: (text: string) => void sent.push(text), close: () => undefined } as Socket;
    const trip = measured(() => socket);
    const heard: unknown[] = [];
    const shown = trip.open('ws://hub', 'baton.v1');
    shown.onmessage = ({ data }) => void heard.push(data);
    const say = (...frames: object[]) => {
      const event = { data: JSON.stringify(frames) } as MessageEvent;
      socket.onmessage?.(event);
    };
    trip.ask();
    expect(sent, 'before the hub has spoken').toEqual([]);
    say({ type: 'welcome' });
    trip.ask();
    vi.advanceTimersByTime(50);
    trip.ask();
    const [first, second] = sent.map((text) => (JSON.parse(text) as [{ type: string; id: number }])[0]);
    vi.advanceTimersByTime(40);
    say({ type: 'pong', id: first?.id });
    expect(trip.get(), 'of an older question').toBeNull();
    say({ type: 'change', id: 3 }, { type: 'pong', id: second?.id });
    expect(trip.get()).toBe(40);
    expect(heard.length, 'the client hears everything').toBe(3);
    socket.onclose?.({ code: 1006, reason: '' } as CloseEvent);
    expect(trip.get()).toBeNull();
  } finally {
    vi.useRealTimers();
  }
});
