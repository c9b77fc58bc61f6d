import { type Baton, connect, defineCommand, defineLog, defineSignal, defineStore } from '@baton/client';
import { act, cleanup, render, renderHook, screen } from '@testing-library/react';
import { memo, type ReactNode, StrictMode, startTransition, useState, version } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sockets, vacant, welcome } from '../../client/test/hub.js';
import {
  BatonProvider,
  useCommand,
  useControl,
  useIdle,
  useLog,
  usePresence,
  useSignal,
  useStatus,
  useStore,
  useValue,
  useYou,
} from '../src/index.js';

const ui = defineStore<number>({ name: 'ui' });
const chat = defineLog<string>({ name: 'chat' });
const pointers = defineSignal<number>({ name: 'pointers' });
const move = defineCommand<{ motor: string }, number>({ name: 'motor.move' });

let sockets: Sockets;
let baton: Baton;
let position: number;

beforeEach(() => {
  sockets = new Sockets();
  baton = connect({ url: 'http://hub', client: 'page', open: sockets.open });
  position = 10;
});

afterEach(() => {
  cleanup();
  baton.close();
  vi.restoreAllMocks();
});

const inside = ({ children }: { children: ReactNode }) => (
  <StrictMode>
    <BatonProvider baton={baton}>{children}</BatonProvider>
  </StrictMode>
);

/** Opens the socket, and answers the joins: `ui` has a = 1 and b = 2. */
async function up(): Promise<void> {
  await act(async () => {
    sockets.last.open();
    sockets.last.push(welcome());
  });
  const values = {
    a: { value: 1, position: 1, by: 'bob', at: 'T' },
    b: { value: 2, position: 2, by: 'bob', at: 'T' },
  };
  for (const { id, type, channel } of sockets.last.taken()) {
    if (type !== 'join') continue;
    const more = channel === 'ui' ? { values } : {};
    act(() => sockets.last.push({ type: 'joined', id, channel, cursor: 'e1-9', mode: 'snapshot', ...more }));
  }
}

function change(set: Record<string, number>): object {
  return { type: 'change', channel: 'ui', position: ++position, cursor: 'e1-x', at: 'T', set, by: 'bob' };
}

it('is tried on the React that it is said to be', () => {
  expect(version.split('.')[0]).toBe(process.env.REACT);
});

describe('useValue', () => {
  it('renders again only when its value has changed', async () => {
    const renders = { a: 0, b: 0 };
    const Shown = memo(({ name }: { name: 'a' | 'b' }) => {
      const value = useValue(ui, name);
      renders[name]++;
      return <p data-testid={name}>{value}</p>;
    });
    render(
      <BatonProvider baton={baton}>
        <Shown name="a" />
        <Shown name="b" />
      </BatonProvider>,
    );
    await up();
    const before = { ...renders };
    act(() => sockets.last.push(change({ a: 5 })));
    expect(screen.getByTestId('a').textContent).toBe('5');
    expect(renders).toEqual({ a: before.a + 1, b: before.b });
    act(() => sockets.last.push(change({ a: 5 }), { type: 'presence', members: [] }));
    expect(renders.a).toBe(before.a + 1);
  });

  it('takes a selector, written in place, and an equality for what it makes', async () => {
    let renders = 0;
    const { result } = renderHook(
      () => {
        renders++;
        return useValue(
          ui,
          ({ values }) => [...values.keys()],
          (x, y) => x.join() === y.join(),
        );
      },
      { wrapper: ({ children }) => <BatonProvider baton={baton}>{children}</BatonProvider> },
    );
    await up();
    expect(result.current).toEqual(['a', 'b']);
    const before = renders;
    act(() => sockets.last.push(change({ a: 7 })));
    expect(renders).toBe(before);
    act(() => sockets.last.push(change({ c: 7 })));
    expect(result.current).toEqual(['a', 'b', 'c']);
  });

  it('follows its key', async () => {
    const { result, rerender } = renderHook(({ name }) => useValue(ui, name), {
      wrapper: inside,
      initialProps: { name: 'a' },
    });
    await up();
    expect(result.current).toBe(1);
    rerender({ name: 'b' });
    expect(result.current).toBe(2);
  });

  it('does not tear: all that show a value show the same in every commit, also in a transition', async () => {
    const commits: string[] = [];
    const Shown = () => <i>{useValue(ui, 'a')}</i>;
    let grow: (n: number) => void = () => {};
    function Many() {
      const [count, setCount] = useState(1);
      grow = (n) => startTransition(() => setCount(n));
      return Array.from({ length: count }, (_, i) => <Shown key={String(i)} />);
    }
    const { container } = render(
      <BatonProvider baton={baton}>
        <Many />
      </BatonProvider>,
    );
    const observer = new MutationObserver(() => commits.push(container.textContent ?? ''));
    observer.observe(container, { childList: true, characterData: true, subtree: true });
    await up();
    await act(async () => {
      grow(200);
      sockets.last.push(change({ a: 8 }));
      await Promise.resolve();
      sockets.last.push(change({ a: 9 }));
    });
    observer.disconnect();
    expect(container.textContent).toBe('9'.repeat(200));
    for (const commit of commits) expect(new Set(commit).size, commit).toBeLessThanOrEqual(1);
  });
});

describe('useStore', () => {
  it('gives the values and how to change them, with what is saving and what was refused', async () => {
    const { result } = renderHook(() => useStore(ui), { wrapper: inside });
    expect(result.current.ready).toBe(false);
    await up();
    expect([...result.current.values]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    act(() => void result.current.set('a', 3));
    expect(result.current.values.get('a')).toBe(3);
    expect(result.current.keys.get('a')?.saving).toBe(true);
    const [sent] = sockets.last.taken();
    await act(async () =>
      sockets.last.push({ type: 'error', id: sent?.id, code: 'forbidden', detail: 'not yours' }),
    );
    expect(result.current.values.get('a')).toBe(1);
    expect(result.current.keys.get('a')?.refused?.detail).toBe('not yours');
    act(() => result.current.dismiss('a'));
    expect(result.current.keys.get('a')?.refused).toBeUndefined();
  });

  it('joins once under StrictMode, and does not leave when a component gives way to another', async () => {
    const first = renderHook(() => useStore(ui), { wrapper: inside });
    await act(async () => {
      sockets.last.open();
      sockets.last.push(welcome());
    });
    first.unmount();
    renderHook(() => useStore(ui), { wrapper: inside });
    await act(async () => {});
    expect(sockets.last.taken().map((r) => r.type)).toEqual(['join']);
  });

  it('gives the same object while nothing changes', async () => {
    const { result, rerender } = renderHook(() => useStore(ui), { wrapper: inside });
    await up();
    const before = result.current;
    rerender();
    expect(result.current).toBe(before);
  });
});

describe('the other hooks', () => {
  it('show that the login session ends for want of input', async () => {
    const { result } = renderHook(() => useIdle(), { wrapper: inside });
    await up();
    expect(result.current).toBeNull();
    act(() => sockets.last.push({ type: 'idle', remaining_ms: 60_000 }));
    expect(result.current?.until).toBeGreaterThan(performance.now());
    act(() => sockets.last.push({ type: 'idle' }));
    expect(result.current).toBeNull();
  });

  it('show status, you, presence and control', async () => {
    const { result } = renderHook(
      () => ({ status: useStatus(), you: useYou(), people: usePresence(), control: useControl() }),
      { wrapper: inside },
    );
    expect(result.current).toMatchObject({ status: 'connecting', you: null, people: [] });
    await up();
    const members = [{ user: 'bob', name: 'Bob Chen', roles: [], connections: 1, sessions: ['s2'] }];
    const operator = { session: 's1', user: 'alice', name: 'Alice Martin' };
    act(() =>
      sockets.last.push({ type: 'presence', members }, { type: 'control', ...vacant({ term: 2, operator }) }),
    );
    expect(result.current).toMatchObject({ status: 'live', you: { user: 'alice' }, people: members });
    expect(result.current.control).toMatchObject({ term: 2, mine: true });
    act(() => void result.current.control.release().catch(() => {}));
    expect(sockets.last.taken()).toMatchObject([{ type: 'control', do: 'release' }]);
  });

  it('show a log and append to it', async () => {
    const { result } = renderHook(() => useLog(chat), { wrapper: inside });
    await up();
    act(() => void result.current.append('hello').catch(() => {}));
    expect(sockets.last.taken()).toMatchObject([{ type: 'append', data: 'hello' }]);
    const message = {
      type: 'message',
      channel: 'chat',
      position: 20,
      cursor: 'e1-k',
      at: 'T',
      by: 'alice',
      data: 'hello',
    };
    act(() => sockets.last.push(message));
    expect(result.current.messages.map((m) => m.data)).toEqual(['hello']);
  });

  it('show the latest of everybody over a signal, and send', async () => {
    const { result } = renderHook(() => useSignal(pointers), { wrapper: inside });
    await up();
    act(() => result.current.send(1));
    expect(sockets.last.taken()).toMatchObject([{ type: 'send', channel: 'pointers', data: 1 }]);
    act(() => sockets.last.push({ type: 'signal', channel: 'pointers', from: 'c2', by: 'bob', data: 2 }));
    expect([...result.current.latest]).toEqual([['c2', { by: 'bob', data: 2 }]]);
  });

  it('follow a command from sending to its result, or to its refusal', async () => {
    const { result } = renderHook(() => useCommand(move), { wrapper: inside });
    await up();
    expect(result.current.state).toBe('idle');
    act(() => void result.current.run({ motor: 'omega' }));
    expect(result.current.state).toBe('sending');
    const [sent] = sockets.last.taken();
    const call = { type: 'call', call: 'k1', command: 'motor.move', by: 'alice', term: 1 };
    await act(async () => {
      sockets.last.push(
        { ...call, state: 'taken', progress: 0.5 },
        { type: 'called', id: sent?.id, call: 'k1' },
      );
    });
    expect(result.current).toMatchObject({ state: 'taken', call: { progress: 0.5 } });
    act(() => sockets.last.push({ ...call, state: 'done', result: 90 }));
    expect(result.current).toMatchObject({ state: 'done', call: { result: 90 } });
    act(() => void result.current.run({ motor: 'omega' }).catch(() => {}));
    const [again] = sockets.last.taken();
    const refusal = { type: 'error', id: again?.id, code: 'not_operator', detail: 'Bob Chen is in control' };
    await act(async () => sockets.last.push(refusal));
    expect(result.current).toMatchObject({ state: 'refused', refusal: { detail: 'Bob Chen is in control' } });
  });

  it('forget a command that ran over another connection', async () => {
    const others = new Sockets();
    const other = connect({ url: 'http://hub', client: 'other', open: others.open });
    let present = baton;
    const either = ({ children }: { children: ReactNode }) => (
      <BatonProvider baton={present}>{children}</BatonProvider>
    );
    const { result, rerender } = renderHook(() => useCommand(move), { wrapper: either });
    await up();
    act(() => void result.current.run({ motor: 'omega' }).catch(() => {}));
    const [sent] = sockets.last.taken();
    await act(async () =>
      sockets.last.push({
        type: 'error',
        id: sent?.id,
        code: 'not_operator',
        detail: 'Bob Chen is in control',
      }),
    );
    expect(result.current.state).toBe('refused');
    present = other;
    rerender();
    expect(result.current).toMatchObject({ state: 'idle', call: null, refusal: null });
    other.close();
  });

  it('say what is missing without a provider', () => {
    vi.spyOn(console, 'error').mockReturnValue();
    expect(() => renderHook(() => useStatus())).toThrow(/BatonProvider/);
  });
});
