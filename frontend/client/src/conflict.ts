/** `@baton/client/conflict`: a write that looks again when somebody else was quicker. Only those who import it load it. */

import type { Store } from './api.js';
import { BatonError } from './error.js';

export interface ChangeOptions<T> {
  /**
   * Somebody else has changed the value since it was read: `base` is what was read, `mine` what was to be written, and
   * `theirs` what there is now; undefined = no such key. Returns what to write over theirs, or undefined to give up.
   */
  readonly onConflict: (base: T | undefined, mine: T, theirs: T | undefined) => T | undefined;
}

/** So often is looked again: who meets somebody else each time had better be told. */
const tries = 10;

/**
 * Writes a key of a store that somebody subscribes to, if nobody has since it was shown: `change(store, key, mine,
 * { onConflict })`. If somebody has, `onConflict` says what to write over it, as often as it takes. Resolves with what was
 * saved; rejects as `set` does, with code `conflict` when it was given up.
 */
export async function change<T>(
  store: Store<T>,
  key: string,
  mine: T,
  { onConflict }: ChangeOptions<T>,
): Promise<T> {
  const { keys, values } = store.get();
  // A wish of this page comes before; what it will be is not known yet.
  let at = keys.get(key)?.position ?? 0;
  let base = values.get(key);
  let value = mine;
  for (let left = tries; ; left--) {
    try {
      await store.set(key, value, { if: at });
      return value;
    } catch (err) {
      if (!(err instanceof BatonError && err.code === 'conflict' && key in err.current && left > 1))
        throw err;
      const now = err.current[key];
      const theirs = now?.value as T | undefined;
      const merged = onConflict(base, value, theirs);
      if (merged === undefined) {
        store.dismiss(key); // theirs stands, and that is as wished
        throw err;
      }
      at = now?.position ?? 0;
      base = theirs;
      value = merged;
    }
  }
}
