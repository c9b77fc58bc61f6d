/**
 * One hook for each thing the client offers, all on useSyncExternalStore: no tearing, and a component renders again only
 * when what it reads has changed. A store or log is joined while a component that reads it is mounted.
 */

import {
  type Baton,
  type CallView,
  type Control,
  type ControlActions,
  type ControlView,
  connect,
  type Ending,
  type Log,
  type LogActions,
  type LogDef,
  type LogView,
  type Member,
  type Readable,
  type Signal,
  type SignalActions,
  type SignalDef,
  type SignalView,
  type Status,
  type Store,
  type StoreActions,
  type StoreDef,
  type StoreView,
  type Welcome,
  type You,
} from '@baton/client';
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { useBaton } from './context.js';

/** The present snapshot of any Readable. On a page that was rendered on a server it must be the same there. */
export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.get, readable.get);
}

let unheard: Baton | undefined;

/**
 * What a client shows that has heard nothing: so a page is rendered on a server, and so React wants to find it when it takes
 * the page over, though the client may know more by then. It renders again with that at once.
 */
const atFirst = <T>(pick: (baton: Baton) => Readable<T>): T => {
  unheard ??= connect({ url: '' });
  return pick(unheard).get();
};

/** The present snapshot of something of the client. */
function useOf<T>(pick: (baton: Baton) => Readable<T>): T {
  const { subscribe, get } = pick(useBaton());
  return useSyncExternalStore(subscribe, get, () => atFirst(pick));
}

export function useStatus(): Status {
  return useOf((baton) => baton.status);
}

/** Why the connection is over; null while it is not. */
export function useEnding(): Ending | null {
  return useOf((baton) => baton.ending);
}

/** What the hub said at the connection's start: the space and its rules; null before. */
export function useWelcome(): Welcome | null {
  return useOf((baton) => baton.welcome);
}

export function useYou(): You | null {
  return useOf((baton) => baton.you);
}

export function usePresence(): readonly Member[] {
  return useOf((baton) => baton.presence);
}

/** When the login session ends for want of deliberate input, by performance.now(); null: it does not. */
export function useIdle(): { readonly until: number } | null {
  return useOf((baton) => baton.idle);
}

/** The calls of this user, from all tabs and computers. */
export function useCalls(): readonly CallView[] {
  return useOf((baton) => baton.calls);
}

/** Who drives and who asks to, and what can be done about it. */
export function useControl(): ControlView & ControlActions {
  return useWithActions<ControlView, Control>((baton) => baton.control);
}

/** A whole store, and how to change it: `const { values, set } = useStore(queue)`. */
export function useStore<T>(def: StoreDef<T>): StoreView<T> & StoreActions<T> {
  return useWithActions<StoreView<T>, Store<T>>((baton) => baton.store(def));
}

/** A log, and how to append to it. */
export function useLog<T>(def: LogDef<T>): LogView<T> & LogActions<T> {
  return useWithActions<LogView<T>, Log<T>>((baton) => baton.log(def));
}

/** The latest of everybody over a signal, and how to send: `const { latest, send } = useSignal(pointers)`. */
export function useSignal<T>(def: SignalDef<T>): SignalView<T> & SignalActions<T> {
  return useWithActions<SignalView<T>, Signal<T>>((baton) => baton.signal(def));
}

/**
 * One value of a store, or what a selector makes of the store. The component renders again only when that has changed,
 * by `equal` (default Object.is; give one for selectors that make new objects each time).
 */
export function useValue<T>(def: StoreDef<T>, key: string): T | undefined;
export function useValue<T, S>(
  def: StoreDef<T>,
  select: (view: StoreView<T>) => S,
  equal?: (a: S, b: S) => boolean,
): S;
export function useValue<T, S>(
  def: StoreDef<T>,
  what: string | ((view: StoreView<T>) => S),
  equal: (a: S | T | undefined, b: S | T | undefined) => boolean = Object.is,
): S | T | undefined {
  const pick = useCallback((view: StoreView<T>) => view.values.get(what as string), [what]);
  return useSelection<StoreView<T>, S | T | undefined>(
    (baton) => baton.store(def),
    typeof what === 'string' ? pick : what,
    equal,
  );
}

function useSelection<V, S>(
  from: (baton: Baton) => Readable<V>,
  select: (view: V) => S,
  equal: (a: S, b: S) => boolean,
): S {
  const source = from(useBaton());
  const rendered = useRef<{ readonly value: S } | null>(null);
  const get = useMemo(() => {
    let last: { readonly view: V; readonly value: S } | null = null;
    return () => {
      const view = source.get();
      if (last?.view !== view) {
        const value = select(view);
        const before = last ?? rendered.current;
        last = { view, value: before && equal(before.value, value) ? before.value : value };
      }
      return last.value;
    };
  }, [source, select, equal]);
  const first = useRef<{ readonly value: S } | null>(null); // React asks for it more than once
  const value = useSyncExternalStore(source.subscribe, get, () => {
    first.current ??= { value: select(atFirst(from)) };
    return first.current.value;
  });
  useEffect(() => {
    rendered.current = { value };
  }, [value]);
  return value;
}

function useWithActions<V extends object, A extends Readable<V>>(
  from: (baton: Baton) => A & Readable<V>,
): A & V {
  const source = from(useBaton());
  const view = useOf<V>(from);
  return useMemo(() => ({ ...source, ...view }), [source, view]);
}
