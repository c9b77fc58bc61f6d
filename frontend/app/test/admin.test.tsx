import { fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Admin } from '../src/admin/Admin.tsx';
import { branches } from '../src/admin/Stores.tsx';
import { bytes, type Node, trends } from '../src/admin/trends.ts';
import { fakeHub } from '../src/dev/fakeHub.ts';
import { inside } from '../src/dev/inside.ts';
import { sam } from '../src/dev/scene.ts';
import { Confirmation } from '../src/parts/Confirmation.tsx';
import { button, say, showOne } from './show.tsx';

const before = globalThis.fetch;
const ada = { ...sam, roles: ['admin'] };

function open(page: string, roles = ['admin'], answers = inside) {
  const hub = fakeHub(answers);
  globalThis.fetch = hub.fetch;
  location.hash = `#admin/${page}`;
  const shown = showOne(
    <Confirmation>
      <Admin />
    </Confirmation>,
    { you: { ...ada, roles } },
  );
  return { ...shown, hub };
}

beforeEach(() => {
  location.hash = '';
});
afterEach(() => {
  globalThis.fetch = before;
  location.hash = '';
});

describe('the administration', () => {
  it('finds a connection and closes it, for a reason', async () => {
    const { hub } = open('connections', ['admin'], {
      ...inside,
      'DELETE spaces/demo/connections/K3B': { status: 204 },
    });
    await screen.findByText('Alice Moreau');
    fireEvent.change(screen.getByLabelText('Find a connection'), { target: { value: 'hub-2' } });
    expect(screen.queryByText('Alice Moreau')).toBeNull();
    fireEvent.click(button('Close the connection K3B of Bob Lindqvist'));
    await say('Reason', 'it hangs', 'Close the connection');
    await waitFor(() => expect(hub.asked).toContain('DELETE spaces/demo/connections/K3B?reason=it%20hangs'));
  });

  it('tells of a node that does not answer', async () => {
    open('nodes');
    await screen.findByText('hub-3');
    screen.getByText('does not answer');
    expect(screen.getAllByText('ready').length).toBe(2);
  });

  it('shows a token once, when it is made', async () => {
    const { hub } = open('tokens');
    await screen.findByText('beamline');
    fireEvent.click(button('New token'));
    fireEvent.change(await screen.findByLabelText('What it is for'), { target: { value: 'archiver' } });
    fireEvent.click(button('Make the token'));
    await screen.findByText(/MZMBQJ7TKQMFC55JH6LGFNDLWJ/);
    expect(hub.asked).toContain('POST spaces/demo/tokens {"name":"archiver","expires":"90d"}');
    fireEvent.click(button('Done'));
    await waitFor(() => expect(screen.queryByText(/MZMBQJ7TKQMFC55JH6LGFNDLWJ/)).toBeNull());
  });

  it('shows the value of a key as it is now, and where in the log it was written', async () => {
    open('stores');
    fireEvent.click(await screen.findByText('crystal'));
    await screen.findByText(/"shape": "bipyramid"/);
    screen.getByText('position 1');
  });

  it('offers staff what the hub lets them see', () => {
    open('nodes', ['staff']);
    expect(screen.getAllByRole('tab').map((tab) => tab.textContent)).toEqual(['Stores', 'Tasks']);
  });

  it('says why the hub does not tell', async () => {
    open('nodes', ['admin'], {
      'GET spaces/demo/nodes': { status: 403, body: { code: 'forbidden', detail: 'this is for admins' } },
    });
    await screen.findByText('this is for admins');
  });
});

it('keys are a tree by their first part', () => {
  expect(branches(['motor/omega', 'motor/phi/x', 'zoom'])).toEqual([
    {
      value: 'motor/…',
      label: 'motor/',
      children: [
        { value: 'motor/omega', label: 'omega' },
        { value: 'motor/phi/x', label: 'phi/x' },
      ],
    },
    { value: 'zoom', label: 'zoom' },
  ]);
});

describe('the figures of all nodes', () => {
  const node = (name: string, more: Partial<Node> = {}): Node => ({
    node: name,
    answered: true,
    answer_ms: 1,
    uptime_s: 1,
    position: 10,
    log_bytes: 0,
    stale_ms: 0,
    connections: 3,
    sockets: 3,
    limit: 0,
    memory_bytes: 1_000_000,
    goroutines: 1,
    ...more,
  });
  const values = (label: string, ...nodes: readonly (readonly Node[])[]) =>
    trends(nodes.map((list, i) => ({ at: 2 * i, nodes: list }))).find((one) => one.label === label)?.values;

  it('are sums, and rates over the time between two answers', () => {
    const first = [node('a', { sent_messages: 100 }), node('b', { sent_messages: 7, position: 9 })];
    const then = [node('a', { sent_messages: 130, position: 14 }), node('b', { sent_messages: 17 })];
    expect(values('Deliveries a second', first, then)).toEqual([0, 20]);
    expect(values('Commits a second', first, then)).toEqual([0, 2]);
    expect(values('Connections', first, then)).toEqual([6, 6]);
  });

  it('do not jump when a node starts anew, comes, or does not answer for a while', () => {
    const old = [node('a', { sent_messages: 100 })];
    const anew = [node('a', { sent_messages: 4 }), node('b', { sent_messages: 5000 })];
    const silent = [node('a', { sent_messages: 10 }), node('b', { answered: false, sent_messages: 0 })];
    const back = [node('a', { sent_messages: 12 }), node('b', { sent_messages: 6000 })];
    const untold = [node('a'), node('b')];
    expect(values('Deliveries a second', old, anew, silent, back, untold)).toEqual([0, 0, 3, 1, 0]);
  });
});

it('bytes are told in a unit that is easy to read', () => {
  expect([0, 999, 1200, 61_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.2 kB', '61 MB']);
});
