import { fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Admin } from '../src/admin/Admin.tsx';
import { bytes } from '../src/admin/Nodes.tsx';
import { branches } from '../src/admin/Stores.tsx';
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

it('bytes are told in a unit that is easy to read', () => {
  expect([0, 999, 1200, 61_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.2 kB', '61 MB']);
});
