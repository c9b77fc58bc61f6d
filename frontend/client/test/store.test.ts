import { beforeEach, describe, expect, it } from 'vitest';
import { StoreState } from '../src/store.js';

interface Scan {
  readonly images: number;
  readonly range?: { readonly from: number; readonly to: number };
}

let state: StoreState;
const head = { type: 'joined', id: 1, channel: 'queue', cursor: 'e1-5' } as const;
const change = { type: 'change', channel: 'queue', by: 'bob', at: 'T' } as const;

beforeEach(() => {
  state = new StoreState({ kind: 'store', name: 'queue', live: false });
});

function shown(key: string): unknown {
  return state.view().values.get(key);
}

function snapshot(values: Record<string, unknown>, defaults?: Record<string, unknown>): void {
  const full = Object.entries(values).map(([key, value]) => [
    key,
    { value, position: 4, by: 'bob', at: 'T' },
  ]);
  const more = defaults && { defaults };
  state.joined({ ...head, mode: 'snapshot', values: Object.fromEntries(full), ...more }, 0);
}

describe('a patch', () => {
  const range = { from: 0, to: 90 };

  it('of the hub changes what is there, and nothing else of it', () => {
    snapshot({ q1: { images: 10, range } satisfies Scan, q2: 1 });
    const before = state.view();
    state.change({ ...change, position: 6, patch: { q1: { images: 20 } } });
    expect(shown('q1')).toEqual({ images: 20, range });
    expect((shown('q1') as Scan).range).toBe((before.values.get('q1') as Scan).range);
    expect(state.view().keys.get('q1')).toEqual({ position: 6, by: 'bob', at: 'T', saving: false });
    expect(before.values.get('q1'), 'an earlier snapshot').toEqual({ images: 10, range });
    expect(state.view().keys.get('q2')).toBe(before.keys.get('q2'));
  });

  it('made here shows at once, over whatever the value is by then', () => {
    snapshot({ q1: { images: 10, range } });
    state.wish('page.1', { patch: { q1: { images: 20 } } });
    state.wish('page.2', { patch: { q1: { note: 'long' } } });
    expect(shown('q1')).toEqual({ images: 20, range, note: 'long' });
    expect(state.view().keys.get('q1')?.saving).toBe(true);
    state.change({ ...change, position: 6, set: { q1: { images: 1, energy: 12.4 } } }); // bob's
    expect(shown('q1')).toEqual({ images: 20, energy: 12.4, note: 'long' });
    state.refuse('page.1', ['q1'], { code: 'schema', detail: 'too many images', path: '/images' });
    expect(shown('q1')).toEqual({ images: 1, energy: 12.4, note: 'long' });
    expect(state.view().keys.get('q1')?.refused?.path).toBe('/images');
  });

  it('made here that comes back from the hub changes nothing that is shown', () => {
    snapshot({ q1: { images: 10, range } });
    state.wish('page.1', { patch: { q1: { images: 20 } } });
    const wished = shown('q1');
    state.change({ ...change, position: 6, patch: { q1: { images: 20 } }, op: 'page.1' });
    expect(shown('q1')).toBe(wished);
    expect(state.view().keys.get('q1')?.saving).toBe(false);
  });

  it('of a key that has nothing makes a value', () => {
    snapshot({});
    state.wish('page.1', { patch: { q1: { images: 20, note: null } } });
    expect(shown('q1')).toEqual({ images: 20 });
  });
});

describe('many changes of one key that wait', () => {
  const range = [0, 90];
  it('are each worked out a few times, not once for each that waits', () => {
    let worked = 0;
    const patch = (images: number) =>
      new Proxy(
        { images },
        {
          ownKeys: (target) => {
            worked++;
            return Reflect.ownKeys(target);
          },
        },
      );
    snapshot({ q1: { images: 0, range } });
    const many = 300;
    for (let i = 1; i <= many; i++) {
      state.wish(`page.${i}`, { patch: { q1: patch(i) } });
      expect(shown('q1')).toEqual({ images: i, range });
    }
    for (let i = 1; i <= many; i++) {
      const op = `page.${i}`;
      if (i % 3 > 0) state.change({ ...change, position: 6 + i, patch: { q1: { images: i } }, op });
      else state.refuse(op, ['q1'], { code: 'conflict', detail: '' });
      expect(shown('q1')).toEqual({ images: i < many ? many : many - 1, range });
    }
    expect(worked).toBeLessThan(10 * many);
    expect(state.view().keys.get('q1')?.saving).toBe(false);
  });
});

describe('a position', () => {
  it('stays that of the value which a wish was made of, so that a later one on its condition conflicts', () => {
    snapshot({ hits: 5 });
    state.wish('page.1', { set: { hits: 6 } }); // if it is at 4
    state.change({ ...change, position: 6, set: { hits: 6 } }); // bob's
    state.change({ ...change, position: 7, set: { hits: 7 } }); // bob's
    // Shown is 6. To write 7 on the condition of 7 would undo what bob did.
    expect([shown('hits'), state.view().keys.get('hits')?.position]).toEqual([6, 4]);
    state.wish('page.2', { set: { hits: 7 } }); // if it is at 4
    state.refuse('page.1', ['hits'], { code: 'conflict', detail: '' });
    expect([shown('hits'), state.view().keys.get('hits')?.position]).toEqual([7, 4]);
    state.refuse('page.2', ['hits'], { code: 'conflict', detail: '' });
    expect([shown('hits'), state.view().keys.get('hits')?.position]).toEqual([7, 7]);
  });

  it('is the new one as soon as the change has come back', () => {
    snapshot({ hits: 5 });
    state.wish('page.1', { set: { hits: 6 } });
    state.change({ ...change, position: 6, set: { hits: 6 }, op: 'page.1' });
    expect(state.view().keys.get('hits')).toMatchObject({ position: 6, saving: false });
  });
});

describe('a default', () => {
  const defaults = { theme: 'light', zoom: 1 };

  it('is the value of a key that has none, at position 0', () => {
    snapshot({ zoom: 2 }, defaults);
    expect([...state.view().values].sort()).toEqual([
      ['theme', 'light'],
      ['zoom', 2],
    ]);
    expect(state.view().keys.get('theme')).toEqual({ position: 0, by: '', at: '', saving: false });
  });

  it('shows again when its key is deleted, here or by others', () => {
    snapshot({ theme: 'dark', zoom: 2 }, defaults);
    state.wish('page.1', { delete: ['theme'] });
    expect(shown('theme')).toBe('light');
    state.change({ ...change, position: 6, delete: ['theme'], op: 'page.1' });
    state.change({ ...change, position: 7, delete: ['zoom'] });
    expect([shown('theme'), shown('zoom')]).toEqual(['light', 1]);
  });

  it('is what a patch of a key without a value begins with', () => {
    snapshot({}, { view: { grid: true, axes: false } });
    state.wish('page.1', { patch: { view: { axes: true } } });
    expect(shown('view')).toEqual({ grid: true, axes: true });
  });

  it('is that of the newest rules', () => {
    snapshot({}, defaults);
    state.joined({ ...head, mode: 'delta', defaults: { theme: 'dark' } }, 0);
    expect([...state.view().values]).toEqual([['theme', 'dark']]);
    expect(state.view().keys.has('zoom')).toBe(false);
  });

  it('stays when the hub tells by itself what has changed', () => {
    snapshot({ zoom: 2 }, defaults);
    state.joined({ type: 'joined', channel: 'queue', cursor: 'e1-6', mode: 'snapshot', values: {} }, 0);
    expect([...state.view().values].sort()).toEqual([
      ['theme', 'light'],
      ['zoom', 1],
    ]);
  });

  it('goes with the rest when the store is left', () => {
    snapshot({ zoom: 2 }, defaults);
    state.clear();
    expect(state.view()).toEqual({ ready: false, values: new Map(), keys: new Map() });
  });
});

it('the view says why everything was sent anew', () => {
  state.joined({ ...head, mode: 'snapshot', reason: 'trimmed' }, 0);
  expect(state.view()).toMatchObject({ ready: true, reason: 'trimmed' });
  state.joined({ ...head, mode: 'delta' }, 0);
  expect(state.view().reason).toBeUndefined();
});
