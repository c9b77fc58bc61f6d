import type { StoreDef } from '@baton/client';
import { useBaton, useValue } from '@baton/react';
import { useMemo } from 'react';
import type { Mark } from './Mark.tsx';

/** What is to be known of one key of a store: it is being saved, or its last change was refused. */
export function useKeyMark<T>(def: StoreDef<T>, key: string): Mark | undefined {
  const baton = useBaton();
  const state = useValue(def, ({ keys }) => keys.get(key));
  return useMemo(() => {
    if (state?.saving) return { kind: 'saving' };
    if (state?.refused === undefined) return undefined;
    return { kind: 'refused', detail: state.refused.detail, dismiss: () => baton.store(def).dismiss(key) };
  }, [baton, def, key, state]);
}
