import { render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { equipment, motors, queue, run, samples } from '../src/beamline.ts';
import { type Atom, type Fake, fakeBaton } from '../src/dev/fakeBaton.ts';
import { ordinary } from '../src/dev/scene.ts';
import { forget, keep, type Picture, recall } from '../src/memory/picture.ts';
import { enterPlace, lastPlace, leavePlace, usePlace } from '../src/memory/place.ts';
import { follow, remembering } from '../src/memory/remember.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  forget();
  leavePlace();
});

/** What a browser keeps of the ordinary night. */
function kept(): Picture {
  const end = follow(fakeBaton(ordinary));
  dispatchEvent(new Event('pagehide'));
  end();
  return recall() as Picture;
}

/** A page that has just been loaded: the hub has said nothing. */
function loaded(): Fake {
  const fake = fakeBaton({ ...ordinary, status: 'connecting', stores: {} });
  for (const { name } of [queue, samples, run, equipment, motors])
    fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  (fake.welcome as Atom<unknown>).set(null);
  return fake;
}

describe('what the browser remembers', () => {
  it('is the queue and the samples, and nothing that lives', () => {
    const picture = kept();
    expect(Object.keys(picture.stores).sort()).toEqual(['queue', 'samples', 'ui']);
    expect(picture.stores.queue).toEqual(ordinary.stores.queue);
    const states = Object.values(picture.stores.samples ?? {}).map((one) => (one as { state: string }).state);
    expect(new Set(states), 'which one is mounted is the changer’s to say').toEqual(
      new Set(['collected', 'in puck']),
    );
    expect(JSON.stringify(picture)).not.toContain('omega');
  });

  it('is written when something has changed, at most once a second, and only while live', () => {
    const fake = fakeBaton(ordinary);
    const end = follow(fake);
    const change = (n: number) => {
      const view = fake.values('queue').get();
      fake.values('queue').set({ ...view, values: new Map([[`q${n}`, n]]) });
    };
    change(1);
    change(2);
    expect(recall()).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(recall()?.stores.queue).toEqual({ q2: 2 });
    fake.status.set('stale');
    change(3);
    vi.advanceTimersByTime(1000);
    expect(recall()?.stores.queue).toEqual({ q2: 2 });
    end();
  });

  it('stands in until the hub has answered, store by store', () => {
    const fake = loaded();
    const baton = remembering(fake, kept());
    expect(baton.welcome.get()?.conn).toBe('');
    expect(baton.you.get()?.user).toBe('bob');
    expect(baton.store(queue).get()).toMatchObject({ ready: false });
    expect(baton.store(queue).get().values.size).toBe(6);
    expect(baton.store(queue).get(), 'the same until something changes').toBe(baton.store(queue).get());
    expect(baton.store(motors).get().values.size).toBe(0);
    fake.values('queue').set({ ready: true, values: new Map(), keys: new Map() });
    expect(baton.store(queue).get().values.size).toBe(0);
    expect(baton.store(samples).get().values.size).toBe(32);
  });

  it.each([
    ['history', { epoch: 'another' }],
    ['space', { space: 'i04' }],
    ['user', { you: { ...ordinary.you, user: 'carol' } }],
    ['proposal', { you: { ...ordinary.you, proposal: 'mx-2' } }],
  ])('is nothing to another %s', (_, change) => {
    const fake = loaded();
    const picture = kept();
    const baton = remembering(fake, picture);
    (fake.welcome as Atom<unknown>).set({ ...picture.welcome, conn: 'c2', ...change });
    expect(baton.store(queue).get().values.size).toBe(0);
  });

  it('is gone with a sign-out, with all else that this app has put there', () => {
    kept();
    localStorage.setItem('baton-bell', 'on');
    sessionStorage.setItem('baton-place', '{}');
    localStorage.setItem('theirs', '1');
    forget();
    expect([Object.keys(localStorage), Object.keys(sessionStorage)]).toEqual([['theirs'], []]);
    expect(recall()).toBeUndefined();
  });

  it('is gone with the login session, however that ends', () => {
    const fake = fakeBaton(ordinary);
    const end = follow(fake);
    dispatchEvent(new Event('pagehide'));
    expect(recall()).toBeDefined();
    fake.status.set('replaced');
    expect(recall()).toBeUndefined();
    vi.advanceTimersByTime(1000);
    dispatchEvent(new Event('pagehide'));
    expect(recall(), 'nothing writes it again').toBeUndefined();
    end();
  });

  it('is not shown after half a day', () => {
    kept();
    vi.advanceTimersByTime(12 * 3_600_000);
    expect(recall()).toBeUndefined();
    expect(localStorage.getItem('baton-picture')).toBeNull();
  });

  it('is not kept when it is very large', () => {
    kept();
    keep(fakeBaton(ordinary).welcome.get() as never, { queue: new Map([['q1', 'x'.repeat(1_000_000)]]) });
    expect(recall()).toBeUndefined();
  });

  it.each([['not JSON'], ['{"at":1}'], ['null'], ['[]']])('is nothing if it cannot be read: %s', (text) => {
    localStorage.setItem('baton-picture', text);
    expect(recall()).toBeUndefined();
  });
});

describe('the place', () => {
  function Field() {
    const [text, setText] = usePlace('find');
    return <input aria-label="find" value={text} onChange={(event) => setText(event.currentTarget.value)} />;
  }
  const find = () => (screen.getByLabelText('find') as HTMLInputElement).value;

  it('is there again for the same person in the same space, and for nobody else', async () => {
    vi.useRealTimers();
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
