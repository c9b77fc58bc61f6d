/**
 * One hook for each thing the client offers, all on useSyncExternalStore: no tearing, and a component renders again only
 * when what it reads has changed. A store or log is joined while a component that reads it is mounted.
 */

import type {
  CallView,
  Control,
  ControlActions,
  ControlView,
  Ending,
  Log,
  LogActions,
  LogDef,
  LogView,
  Member,
  Readable,
  Signal,
  SignalActions,
  SignalDef,
  SignalView,
  Status,
  Store,
  StoreActions,
  StoreDef,
  StoreView,
  Welcome,
  You,
} from '@baton/client';
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { useBaton } from './context.js';

/** The present snapshot of any Readable. */
export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.get, readable.get);
}

export function useStatus(): Status {
  return useReadable(useBaton().status);
}

/** Why the connection is over; null while it is not. */
export function useEnding(): Ending | null {
  return useReadable(useBaton().ending);
}

/** What the hub said at the connection's start: the space and its rules; null before. */
export function useWelcome(): Welcome | null {
  return useReadable(useBaton().welcome);
}

export function useYou(): You | null {
  return useReadable(useBaton().you);
}

export function usePresence(): readonly Member[] {
  return useReadable(useBaton().presence);
}

/** When the login session ends for want of deliberate input, by performance.now(); null: it does not. */
export function useIdle(): { readonly until: number } | null {
  return useReadable(useBaton().idle);
}

/** The calls of this user, from all tabs and computers. */
export function useCalls(): readonly CallView[] {
  return useReadable(useBaton().calls);
}

/** Who drives and who asks to, and what can be done about it. */
export function useControl(): ControlView & ControlActions {
  const { control } = useBaton();
  return useWithActions<ControlView, Control>(control);
}

/** A whole store, and how to change it: `const { values, set } = useStore(queue)`. */
export function useStore<T>(def: StoreDef<T>): StoreView<T> & StoreActions<T> {
  return useWithActions<StoreView<T>, Store<T>>(useBaton().store(def));
}

/** A log, and how to append to it. */
export function useLog<T>(def: LogDef<T>): LogView<T> & LogActions<T> {
  return useWithActions<LogView<T>, Log<T>>(useBaton().log(def));
}

/** The latest of everybody over a signal, and how to send: `const { latest, send } = useSignal(pointers)`. */
export function useSignal<T>(def: SignalDef<T>): SignalView<T> & SignalActions<T> {
  return useWithActions<SignalView<T>, Signal<T>>(useBaton().signal(def));
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
    useBaton().store(def),
    typeof what === 'string' ? pick : what,
    equal,
  );
}

function useSelection<V, S>(source: Readable<V>, select: (view: V) => S, equal: (a: S, b: S) => boolean): S {
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
  const value = useSyncExternalStore(source.subscribe, get, get);
  useEffect(() => {
    rendered.current = { value };
  }, [value]);
  return value;
}

function useWithActions<V extends object, A extends Readable<V>>(source: A & Readable<V>): A & V {
  const view = useReadable<V>(source);
  return useMemo(() => ({ ...source, ...view }), [source, view]);
}
