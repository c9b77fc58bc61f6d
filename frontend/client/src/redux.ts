/**
 * `@baton/client/redux`: a slice of a Redux store that is a store of the hub. Only those who import it load it, and it
 * imports no Redux: its types are those of any middleware and reducer.
 *
 * The slice is a record, a key for each key of the store. Reducers change it as ever; what an action has changed goes to the
 * hub, members of objects as a patch, so that two people who change different ones both get what they want. What the hub
 * tells, also that a change was refused, comes in as an action of its own.
 */

import type { Baton, Patch, Store, StoreDef, StoreView, StoreWrite } from './api.js';

/** The action by which what the hub tells comes in. */
export interface Told<T> {
  readonly type: `baton/${string}`;
  readonly payload: { readonly set: Readonly<Record<string, T>>; readonly delete: readonly string[] };
}

export type Slice<T> = Readonly<Record<string, T>>;

/** What is used of a Redux store. */
export interface MiddlewareApi {
  readonly getState: () => unknown;
  readonly dispatch: (action: Told<unknown> & Readonly<Record<string, unknown>>) => unknown;
}

export interface SliceMiddleware {
  (api: MiddlewareApi): (next: (action: unknown) => unknown) => (action: unknown) => unknown;
  /** The slice is kept no more. */
  stop(): void;
}

/** The reducer of a slice that takes in what the hub tells of the store of that name, and leaves the rest to `reducer`. */
export function withStore<S, A extends { readonly type: string }>(
  name: string,
  reducer: (state: S | undefined, action: A) => S,
): (state: S | undefined, action: A) => S {
  return (state, action) => {
    if (action.type !== `baton/${name}` || state === undefined) return reducer(state, action);
    const { payload } = action as unknown as Told<unknown>;
    const next: Record<string, unknown> = { ...(state as Slice<unknown>), ...payload.set };
    for (const key of payload.delete) delete next[key];
    return next as S;
  };
}

/**
 * Keeps a slice in a store of the hub: `select` finds it in the state. The store is joined until `stop`. Changes that are
 * made before the hub has told what there is are sent too. So nothing else may restore this slice, as redux-persist does
 * (give it a blacklist): what was there yesterday would be taken for a change. `persist` of @baton/client restores it.
 */
export function keepSlice<T>(
  baton: Baton,
  def: StoreDef<T>,
  select: (state: never) => Slice<T>,
): SliceMiddleware {
  const store = baton.store(def);
  const stops: (() => void)[] = [];
  const middleware = (api: MiddlewareApi) => {
    const slice = () => select(api.getState() as never);
    const bring = () => {
      const told = news(slice(), store.get());
      if (told) api.dispatch({ type: `baton/${def.name}`, payload: told });
    };
    stops.push(store.subscribe(bring));
    queueMicrotask(() => stops.length > 0 && bring()); // not while the Redux store is being made
    return (next: (action: unknown) => unknown) => (action: unknown) => {
      const before = slice();
      const result = next(action);
      if ((action as Partial<Told<T>>).type !== `baton/${def.name}`) send(store, before, slice());
      return result;
    };
  };
  const stop = () => {
    for (const end of stops.splice(0)) end();
  };
  return Object.assign(middleware, { stop });
}

/** What the slice lacks of what the hub has told, now or, by what `persist` has kept, before; undefined if nothing. */
function news<T>(slice: Slice<T>, { ready, restored, values }: StoreView<T>): Told<T>['payload'] | undefined {
  if (!ready && restored === undefined) return undefined;
  const set: Record<string, T> = {};
  for (const [key, value] of values) if (!same(slice[key], value)) set[key] = value;
  const gone = Object.keys(slice).filter((key) => !values.has(key));
  return Object.keys(set).length + gone.length > 0 ? { set, delete: gone } : undefined;
}

/** Sends what an action has changed. How it ends is told by the store; a refusal brings back what was. */
function send<T>(store: Store<T>, before: Slice<T>, after: Slice<T>): void {
  if (before === after) return;
  const set: Record<string, T> = {};
  const patch: Record<string, Patch<T>> = {};
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (old === value || same(old, value)) continue;
    const change = difference(old, value);
    if (change === undefined) set[key] = value;
    else patch[key] = change as Patch<T>;
  }
  const gone = Object.keys(before).filter((key) => !(key in after));
  const write: StoreWrite<T> = {
    ...(Object.keys(set).length > 0 && { set }),
    ...(Object.keys(patch).length > 0 && { patch }),
    ...(gone.length > 0 && { delete: gone }),
  };
  if (Object.keys(write).length > 0) void store.write(write);
}

/** The JSON Merge Patch from one object to another; undefined if there is none, as when a member becomes null. */
function difference(before: unknown, after: unknown): object | undefined {
  if (!isObject(before) || !isObject(after)) return undefined;
  const patch: Record<string, unknown> = {};
  for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    if (same(before[name], value)) continue;
    const deeper = difference(before[name], value);
    if (deeper === undefined && holdsNull(value)) return undefined;
    patch[name] = deeper ?? value;
  }
  return patch;
}

/** A merge patch cannot say null, at any depth of what is new: it takes out. */
function holdsNull(value: unknown): boolean {
  return value === null || (isObject(value) && Object.values(value).some(holdsNull));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
