import { render, screen } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { equipment, motors, queue, run, samples, scan } from '../src/beamline.ts';
import { ordinary } from '../src/dev/scene.ts';
import { forget, open, recall } from '../src/memory/kept.ts';
import { enterPlace, lastPlace, usePlace } from '../src/memory/place.ts';
import { browser, joined, seen, slowly, welcomed } from './hub.ts';

const here = browser();
const who = { user: 'alice', space: 'demo' };

/** A page that has just been loaded: the hub has said nothing. */
async function loaded() {
  const { baton, kept } = open('s1', who, await recall());
  for (const def of [queue, samples, run, equipment, motors, scan])
    baton.store<unknown>(def).subscribe(() => undefined);
  return {
    baton,
    kept,
    store: (def: { name: string }) => baton.store<unknown>({ ...queue, name: def.name }).get(),
  };
}

describe('what the browser remembers', () => {
  it('is the queue and the samples, and nothing that lives', async () => {
    await seen(here.sockets, ordinary.stores);
    const { baton, store } = await loaded();
    await vi.waitFor(() => expect(store(queue).values.size).toBe(6), slowly);
    expect(Object.fromEntries(store(queue).values)).toEqual(ordinary.stores.queue);
    const states = [...baton.store(samples).get().values.values()].map(({ state }) => state);
    expect(new Set(states), 'which one is mounted is the changer’s to say').toEqual(
      new Set(['collected', 'in puck']),
    );
    for (const def of [run, equipment, motors, scan]) expect(store(def).values.size, def.name).toBe(0);
    baton.close();
  });

  it('stands in until the hub has answered, store by store', async () => {
    await seen(here.sockets, ordinary.stores);
    const { baton, store } = await loaded();
    await vi.waitFor(() => expect(store(queue).values.size).toBe(6), slowly);
    expect(store(queue)).toMatchObject({ ready: false });
    expect(baton.welcome.get()?.conn).toBe('');
    expect(baton.you.get()?.user).toBe('alice');
    await welcomed(here.sockets, { conn: 'c2' });
    expect(baton.welcome.get()?.conn).toBe('c2');
    expect(store(queue).values.size).toBe(6);
    await joined(here.sockets, { queue: { q1: {} } });
    expect(store(queue)).toMatchObject({ ready: true });
    expect(store(queue).values.size).toBe(1);
    baton.close();
  });

  it('is nothing to another history of the hub', async () => {
    await seen(here.sockets, ordinary.stores);
    const { baton, store } = await loaded();
    await vi.waitFor(() => expect(store(queue).values.size).toBe(6), slowly);
    await welcomed(here.sockets, { epoch: 'another' });
    expect(store(queue).values.size).toBe(0);
    baton.close();
  });

  it('is gone with a sign-out, with all else that this app has put there', async () => {
    await seen(here.sockets, ordinary.stores);
    expect((await recall())?.welcome.you.user).toBe('alice');
    localStorage.setItem('baton-bell', 'on');
    sessionStorage.setItem('baton-place', '{}');
    localStorage.setItem('theirs', '1');
    await forget();
    expect([Object.keys(localStorage), Object.keys(sessionStorage)]).toEqual([['theirs'], []]);
    expect(await recall()).toBeUndefined();
  });

  it.each([
    ['signed out', 4401],
    ['replaced', 4409],
  ])('is gone with the login session: %s', async (reason, code) => {
    await seen(here.sockets, ordinary.stores);
    const { baton } = await loaded();
    await welcomed(here.sockets);
    here.sockets.last.cut(code, reason);
    expect(await recall()).toBeUndefined();
    dispatchEvent(new Event('pagehide'));
    expect(await recall(), 'nothing writes it again').toBeUndefined();
    baton.close();
  });

  it('is not shown after half a day', async () => {
    await seen(here.sockets, ordinary.stores);
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + 12 * 3_600_000);
    expect(await recall()).toBeUndefined();
    const { baton, store } = await loaded();
    await recall(); // the database has been read by then
    expect(store(queue).values.size).toBe(0);
    baton.close();
    vi.restoreAllMocks();
  });
});

describe('the place', () => {
  function Field() {
    const [text, setText] = usePlace('find');
    return <input aria-label="find" value={text} onChange={(event) => setText(event.currentTarget.value)} />;
  }
  const find = () => (screen.getByLabelText('find') as HTMLInputElement).value;

  it('is there again for the same person in the same space, and for nobody else', async () => {
    const { fireEvent } = await import('@testing-library/react');
    enterPlace('bob', 'demo');
    const first = render(<Field />);
    fireEvent.change(screen.getByLabelText('find'), { target: { value: 'Lys' } });
    first.unmount();
    enterPlace('bob', 'demo'); // as after a login session has expired
    const again = render(<Field />);
    expect(find()).toBe('Lys');
    expect(lastPlace()).toMatchObject({ user: 'bob', space: 'demo' });
    again.unmount();
    enterPlace('alice', 'demo');
    render(<Field />);
    expect(find()).toBe('');
  });
});
