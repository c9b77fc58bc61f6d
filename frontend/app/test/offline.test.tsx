import { BatonError } from '@baton/client';
import type { RefusedChange, WaitingChange } from '@baton/client/persist';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { ControlBar } from '../src/control/ControlBar.tsx';
import { Atom, type Fake } from '../src/dev/fakeBaton.ts';
import { ordinary } from '../src/dev/scene.ts';
import { states } from '../src/dev/states.ts';
import { Kept } from '../src/memory/useKept.ts';
import { Memory } from '../src/memory/useMemory.ts';
import { tellChange } from '../src/memory/words.ts';
import { Messages } from '../src/messages/Messages.tsx';
import { Queue } from '../src/queue/Queue.tsx';
import { ConnectionBanner } from '../src/shell/ConnectionBanner.tsx';
import { Refusals } from '../src/shell/Refusals.tsx';
import { Stage } from '../src/stage/Stage.tsx';
import { button, operating, Page, refuses, showOne } from './show.tsx';

const at = Date.parse('2026-03-02T03:10:00Z');
const write = (more: object): WaitingChange['change'] =>
  ({ type: 'write', channel: 'queue', ...more }) as never;
const saying = (text: string): WaitingChange['change'] => ({
  type: 'append',
  channel: 'chat',
  data: { text },
});
const known = {
  samples: new Map(Object.entries(ordinary.stores.samples ?? {})) as never,
  queue: new Map(Object.entries(ordinary.stores.queue ?? {})) as never,
};
const [[firstKey = '', first] = []] = Object.entries(ordinary.stores.queue ?? {});
const entry = (sample: string) => ({ sample, task: 'collection', order: 9, params: {} });

describe('a change that waits', () => {
  it.each([
    ['Adding Lys-1 to the queue', write({ set: { new: entry('1:01') } })],
    [
      'Adding Lys-1, Lys-2 and 1 more to the queue',
      write({ set: { a: entry('1:01'), b: entry('1:02'), c: entry('1:03') } }),
    ],
    ['Moving Lys-3 in the queue', write({ set: { [firstKey]: first } })],
    ['Taking Lys-3 and an entry out of the queue', write({ delete: [firstKey, 'gone'] })],
    ['Saying “good night”', saying('good night')],
    ['A change', { type: 'write', channel: 'elsewhere', set: { a: 1 } } as never],
  ])('is told in words: %s', (words, change) => {
    expect(tellChange({ change }, known)).toBe(words);
  });

  it('is counted where it says that there is no connection, and how the screen looks is not', () => {
    const look = { type: 'write', channel: 'ui', set: { scheme: 'dark' } } as never;
    const changes = [write({ delete: ['q1'] }), look, saying('hello')].map((change, i) => ({
      op: `${i}`,
      at,
      change,
      kept: true,
    }));
    showOne(keeping({ changes }, <ConnectionBanner />), { status: 'connecting' });
    expect(screen.getByRole('alert').textContent).toContain(
      '2 changes of yours are kept, and sent when it is back.',
    );
  });

  it('shows in the chat until it is said', () => {
    const changes = new Atom<readonly WaitingChange[]>([
      { op: 'c.1', at, change: saying('hello'), kept: true },
    ]);
    const { baton } = showOne(keeping({ changes }, <Messages />), { ...operating, status: 'connecting' });
    fireEvent.click(screen.getByRole('tab', { name: /^Chat/ }));
    const list = within(screen.getByRole('log', { name: 'Chat' }));
    expect(list.getByText(/^hello/).textContent).toBe('hello waits for the hub');
    act(() => baton.status.set('live'));
    expect(list.queryByText(/waits for the hub/), 'which is a moment then').toBeNull();
  });
});

describe('without a connection', () => {
  it('the operator can still change the queue, and nothing that moves', async () => {
    const { baton } = showOne(<Queue />, { ...operating, status: 'connecting' });
    const [row] = screen.getAllByRole('listitem');
    const remove = within(row as HTMLElement).getByRole('button', { name: /^Delete/ });
    expect([refuses(remove), refuses(button('Start'))]).toEqual([false, true]);
    fireEvent.click(remove);
    expect(baton.asked.map(([what]) => what)).toEqual(['write queue']);
  });

  it('who was the operator when the page was loaded again can too, and is told that it may be refused', async () => {
    const baton = states.wasmine?.() as Fake;
    const memory = { at: Date.now(), welcome: {} as never, mine: true };
    render(
      <Page baton={baton}>
        <Memory value={memory}>
          <ControlBar />
          <Queue />
        </Memory>
      </Page>,
    );
    expect(screen.getByRole('region', { name: 'Control' }).textContent).toContain(
      'You were. What you change in the queue is kept, and done if you still are.',
    );
    const [row] = within(screen.getByRole('list', { name: 'Queue entries' })).getAllByRole('listitem');
    const remove = within(row as HTMLElement).getByRole('button', { name: /^Delete/ });
    expect([refuses(remove), refuses(button('Start'))]).toEqual([false, true]);
    fireEvent.click(remove);
    expect(baton.asked.map(([what]) => what)).toEqual(['write queue']);
  });

  it('who watches cannot', () => {
    showOne(<Queue />, { status: 'connecting' });
    const [row] = screen.getAllByRole('listitem');
    expect(refuses(within(row as HTMLElement).getByRole('button', { name: /^Delete/ }))).toBe(true);
  });

  it('what is added stands in the queue, and nobody is kept waiting', async () => {
    const { baton } = showOne(<Stage />, { ...operating, status: 'connecting' });
    baton.answer = () => new Promise(() => {});
    fireEvent.click(screen.getAllByRole('checkbox')[0] as HTMLElement);
    fireEvent.click(button('Add to queue'));
    fireEvent.click(await screen.findByRole('button', { name: 'Add 1 entry' }));
    await expect.poll(() => screen.queryByRole('dialog')).toBeNull();
    expect(baton.asked.map(([what]) => what)).toEqual(['write queue']);
  });
});

describe('what was refused of what waited', () => {
  const reason = 'Sam is in control: ask for control, or wait until it is free.';
  const change = write({ set: { gone: entry('1:01') } });

  it('is told with the reason, until it is dismissed', () => {
    const refused = [{ op: 'c.1', at, change, refused: { code: 'not_operator', detail: reason } }] as const;
    const dismiss = vi.fn();
    showOne(keeping({ refused, dismiss }, <Refusals />));
    expect(screen.getByRole('alert').textContent).toMatch(
      /Adding Lys-1 to the queue, at .*: Sam is in control/,
    );
    fireEvent.click(button('Dismiss what was not done'));
    expect(dismiss).toHaveBeenCalledOnce();
  });

  it('in this page is told for an entry that is not there', async () => {
    const { baton } = showOne(<Refusals />, operating);
    baton.answer = () => {
      throw new BatonError({ code: 'not_operator', detail: reason });
    };
    await act(() =>
      baton
        .store({ kind: 'store', name: 'queue', live: false })
        .set('gone', 1)
        .catch(() => undefined),
    );
    expect(screen.getByRole('alert').textContent).toContain(`An entry of the queue: ${reason}`);
    fireEvent.click(button('Dismiss what was not done'));
    expect(screen.queryByRole('alert')).toBeNull();
  });
});

interface Has {
  readonly changes?: readonly WaitingChange[] | Atom<readonly WaitingChange[]>;
  readonly refused?: readonly RefusedChange[];
  readonly dismiss?: () => void;
}

function keeping({ changes = [], refused = [], dismiss = () => undefined }: Has, part: React.ReactNode) {
  const atom = changes instanceof Atom ? changes : new Atom(changes);
  return <Kept value={{ changes: atom, refused: new Atom(refused), dismiss }}>{part}</Kept>;
}
