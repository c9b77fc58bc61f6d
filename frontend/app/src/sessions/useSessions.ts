import { type LoginSession, sessions } from '@baton/client/session';
import { useCallback, useEffect, useRef, useState } from 'react';

export type Scope = 'own' | 'all';

export interface SessionList {
  readonly shown: readonly LoginSession[];
  readonly state: 'loading' | 'ready' | 'failed';
  /** Why it failed. */
  readonly detail: string;
  /** Loads the next page; undefined: this is all. */
  readonly more: (() => void) | undefined;
  readonly reload: () => void;
  /** One is not there any more. */
  readonly remove: (session: string) => void;
}

const page = 50;
type Loaded = Omit<SessionList, 'more' | 'reload' | 'remove'> & { readonly after?: string };
const nothing: Loaded = { shown: [], state: 'loading', detail: '' };

/** The login sessions, a page at a time. An answer to an older question is not looked at. */
export function useSessions(scope: Scope): SessionList {
  const [loaded, setLoaded] = useState(nothing);
  const newest = useRef(0);
  const load = useCallback(
    async (after?: string) => {
      const n = ++newest.current;
      setLoaded((before) => (after === undefined ? nothing : { ...before, state: 'loading' }));
      try {
        const list = await sessions({
          all: scope === 'all',
          limit: page,
          ...(after !== undefined && { after }),
        });
        if (n !== newest.current) return;
        setLoaded((before) => ({
          shown: [...before.shown, ...list.sessions],
          state: 'ready',
          detail: '',
          ...(list.after && { after: list.after }),
        }));
      } catch (err) {
        if (n !== newest.current) return;
        const detail = err instanceof Error ? err.message : String(err);
        setLoaded((before) => ({ ...before, state: 'failed', detail }));
      }
    },
    [scope],
  );
  useEffect(() => {
    void load();
    return () => {
      newest.current++;
    };
  }, [load]);
  const remove = useCallback((session: string) => {
    setLoaded((before) => ({ ...before, shown: before.shown.filter((one) => one.session !== session) }));
  }, []);
  const { after, ...rest } = loaded;
  return { ...rest, more: after === undefined ? undefined : () => void load(after), reload: load, remove };
}
