import { connect, defineStore } from '@baton/client';
import { act } from '@testing-library/react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import { Sockets, welcome } from '../../client/test/hub.js';
import { BatonProvider, useControl, useStatus, useStore, useValue } from '../src/index.js';

const ui = defineStore<number>({ name: 'ui' });

function Page() {
  const { values } = useStore(ui);
  const { term } = useControl();
  const keys = useValue(ui, ({ values }) => [...values.keys()]); // another array each time
  return <p>{[useStatus(), values.size, term, keys.length].join(' ')}</p>;
}

it('a page that a server has rendered is taken over by a client that knows more already', async () => {
  const sockets = new Sockets();
  const baton = connect({ url: 'http://hub', client: 'page', open: sockets.open });
  const page = (
    <BatonProvider baton={baton}>
      <Page />
    </BatonProvider>
  );
  const html = renderToString(page);
  expect(html).toBe('<p>connecting 0 0 0</p>');

  const leave = baton.store(ui).subscribe(() => {});
  sockets.last.open();
  sockets.last.push(welcome());
  const [join] = sockets.last.taken();
  const values = { a: { value: 1, position: 1, by: 'bob', at: 'T' } };
  sockets.last.push({
    type: 'joined',
    id: join?.id,
    channel: 'ui',
    cursor: 'e1-9',
    mode: 'snapshot',
    values,
  });
  expect(baton.store(ui).get().values.size).toBe(1);

  const complaints = vi.fn();
  vi.spyOn(console, 'error').mockImplementation(complaints);
  const root = document.createElement('div');
  root.innerHTML = html;
  const mounted = await act(async () => hydrateRoot(root, page, { onRecoverableError: complaints }));
  expect(complaints).not.toHaveBeenCalled();
  expect(root.textContent).toBe(`live 1 ${baton.control.get().term} 1`);
  await act(async () => mounted.unmount());
  leave();
  baton.close();
  vi.restoreAllMocks();
});
