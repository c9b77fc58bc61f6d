import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Baton, connect, defineStore } from '@baton/client';
import { type Persistence, persist } from '@baton/client/persist';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { type FunctionComponent, StrictMode } from 'react';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { driving, Sockets, vacant, welcome } from '../../client/test/hub.js';
import { snippets } from '../../docs/snippets.js';
import { BatonProvider } from '../src/index.js';

/** What the page of recipes has for React: as it stands there. */
interface Recipes {
  readonly Seat: FunctionComponent;
  readonly Offline: FunctionComponent<{ baton: Baton; kept: Persistence; children?: React.ReactNode }>;
}

let dir: string;
let recipes: Recipes;
let sockets: Sockets;
let baton: Baton;
let kept: Persistence;

beforeAll(async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
  dir = await mkdtemp(join(import.meta.dirname, '.recipes-'));
  const all = {};
  for (const [i, { language, code }] of snippets('recipes.md', page).entries()) {
    if (language !== 'tsx') continue;
    const file = join(dir, `${i}.tsx`);
    await writeFile(file, code);
    Object.assign(all, await import(/* @vite-ignore */ file));
  }
  recipes = all as Recipes;
});
afterAll(() => rm(dir, { recursive: true }));

beforeEach(() => {
  sockets = new Sockets();
  kept = persist({ url: 'http://hub' });
  baton = connect({ url: 'http://hub', client: 'page', open: sockets.open, add: kept.add });
});
afterEach(() => {
  cleanup();
  baton.close();
});

const up = (more: object = {}) =>
  act(async () => {
    sockets.last.open();
    sockets.last.push(welcome(more));
  });

it('the seat is taken, asked for, and given to who asks', async () => {
  const { Seat } = recipes;
  render(
    <StrictMode>
      <BatonProvider baton={baton}>
        <Seat />
      </BatonProvider>
    </StrictMode>,
  );
  await up();
  const asked = () => sockets.last.taken().filter(({ type }) => type === 'control');
  const push = (control: object) => act(async () => sockets.last.push({ type: 'control', ...control }));
  fireEvent.click(screen.getByRole('button', { name: 'Take the seat' }));
  const [request] = asked();
  expect(request).toMatchObject({ do: 'request' });
  const refusal = { type: 'error', id: request?.id, code: 'seat_taken', detail: 'Bob Chen was quicker.' };
  await act(async () => sockets.last.push(refusal));
  expect(screen.getByRole('alert').textContent).toBe('Bob Chen was quicker.');
  await push(vacant({ term: 1, operator: { session: 's2', user: 'bob', name: 'Bob Chen' } }));
  screen.getByRole('button', { name: 'Ask Bob Chen for control' });
  const waits = { id: 'r1', user: 'bob', name: 'Bob Chen', session: 's2', message: 'please', since: 'T' };
  await push({ ...driving(2), requests: [waits] });
  fireEvent.click(screen.getByRole('button', { name: 'Give it to Bob Chen: please' }));
  expect(asked()).toMatchObject([{ do: 'grant', request: 'r1' }]);
  screen.getByRole('button', { name: 'Release control' });
});

it('a page without a connection says what is not saved, and changes nothing more until it is live', async () => {
  const { Offline } = recipes;
  render(
    <Offline baton={baton} kept={kept}>
      <button type="button">Add</button>
    </Offline>,
  );
  const disabled = () => screen.getByRole('group').hasAttribute('disabled');
  expect(disabled()).toBe(true);
  await up();
  expect(disabled()).toBe(false);
  await act(async () => sockets.last.cut());
  expect(disabled()).toBe(true);
  const saved = baton.store(defineStore<number>({ name: 'ui' })).set('zoom', 2);
  await act(async () => {});
  screen.getByText('1 not saved yet');
  await act(async () => baton.close());
  await expect(saved).rejects.toMatchObject({ code: 'closed' });
});
