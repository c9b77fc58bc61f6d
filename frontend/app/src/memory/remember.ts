/** Puts the picture that the browser has in the place of what the hub has not said yet, and keeps it up to date. */

import type { Baton, Readable, Store, StoreDef, StoreView } from '@baton/client';
import { forgetPicture, keep, kept, type Picture } from './picture.ts';

/** The same connection; what it does not know yet is as it was in the picture. */
export function remembering(baton: Baton, picture: Picture | undefined): Baton {
  if (picture === undefined) return baton;
  const stores = new Map<string, unknown>();
  // As in the client itself, the type of a definition is taken for that of the data.
  const store = <T>(def: StoreDef<T>): Store<T> => {
    const real = baton.store(def);
    const values = picture.stores[def.name] as Readonly<Record<string, T>> | undefined;
    if (values === undefined) return real;
    const made = stores.get(def.name) ?? { ...real, get: remembered(baton, picture, real, values) };
    stores.set(def.name, made);
    return made as Store<T>;
  };
  return {
    ...baton,
    store,
    welcome: either(baton.welcome, picture.welcome),
    you: either(baton.you, picture.welcome.you),
  };
}

function either<T>({ get, subscribe }: Readable<T | null>, before: T): Readable<T> {
  return { subscribe, get: () => get() ?? before };
}

function remembered<T>(
  baton: Baton,
  { welcome }: Picture,
  { get }: Store<T>,
  values: Readonly<Record<string, T>>,
): () => StoreView<T> {
  let last: { readonly real: StoreView<T>; readonly shown: StoreView<T> } | undefined;
  return () => {
    const real = get();
    const now = baton.welcome.get();
    const other = now !== null && !same(now, welcome);
    if (real.ready || real.refused || other) return real;
    if (last?.real !== real)
      last = { real, shown: { ...real, values: new Map([...Object.entries(values), ...real.values]) } };
    return last.shown;
  };
}

/** Whether a picture is of this user, for the same proposal, of this space and this history. */
function same(a: Picture['welcome'], b: Picture['welcome']): boolean {
  return (
    a.you.user === b.you.user &&
    a.you.proposal === b.you.proposal &&
    a.space === b.space &&
    a.epoch === b.epoch
  );
}

const pause = 1000;

/**
 * Keeps a picture of what is live, at most once a second and when the page is left; there is none any more once the login
 * session has ended. Returns the way to end that.
 */
export function follow(baton: Baton): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stores = kept.map((def) => [def.name, baton.store<unknown>(def)] as const);
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    const welcome = baton.welcome.get();
    const views = stores.map(([name, store]) => [name, store.get()] as const);
    if (welcome === null || baton.status.get() !== 'live' || !views.some(([, view]) => view.ready)) return;
    keep(welcome, Object.fromEntries(views.filter(([, v]) => v.ready).map(([name, v]) => [name, v.values])));
  };
  const later = () => {
    timer ??= setTimeout(write, pause);
  };
  const stops = [baton.status, ...stores.map(([, store]) => store)].map((one) => one.subscribe(later));
  stops.push(
    baton.status.subscribe(() => {
      const status = baton.status.get();
      if (status === 'signed-out' || status === 'replaced') forgetPicture();
    }),
  );
  globalThis.addEventListener('pagehide', write);
  return () => {
    clearTimeout(timer);
    globalThis.removeEventListener('pagehide', write);
    for (const stop of stops) stop();
  };
}
