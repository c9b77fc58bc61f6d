import { useBaton, useValue } from '@baton/react';
import { useCallback } from 'react';
import { ui } from '../beamline.ts';

/** One choice of this person, the same in all their tabs and after a reload. An unknown value counts as the default. */
export function useUi<T extends string>(
  key: string,
  options: readonly T[],
  otherwise: T,
): [T, (value: T) => void] {
  const baton = useBaton();
  const stored = useValue(ui, key);
  const value = options.find((option) => option === stored) ?? otherwise;
  const set = useCallback(
    (next: T) => {
      // The store itself shows and keeps what becomes of it; a choice that could not be saved is no loss.
      baton
        .store(ui)
        .set(key, next)
        .catch(() => undefined);
    },
    [baton, key],
  );
  return [value, set];
}
