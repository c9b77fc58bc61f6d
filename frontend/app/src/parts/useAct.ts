import { BatonError, type CommandDef } from '@baton/client';
import { useBaton } from '@baton/react';
import { useCallback, useMemo, useRef, useState } from 'react';
import type { Mark } from './Mark.tsx';

export interface Act {
  /** How the last attempt went, to be shown beside what was attempted. Nothing once the hub has accepted it. */
  readonly mark: Mark | undefined;
  /**
   * Attempts something; true when it was done. Never rejects: a refusal is in the mark. What is attempted calls
   * `accepted` when the hub has taken it though its end is still to come.
   */
  readonly attempt: (what: (accepted: () => void) => Promise<unknown>) => Promise<boolean>;
}

/** Follows one thing that a person does, from the press of the button to its end. Only the newest attempt is told of. */
export function useAct(): Act {
  const [mark, setMark] = useState<Mark>();
  const newest = useRef(0);
  const attempt = useCallback<Act['attempt']>(async (what) => {
    const n = ++newest.current;
    const show = (next: Mark | undefined) => {
      if (n === newest.current) setMark(next);
    };
    show({ kind: 'saving' });
    try {
      await what(() => show(undefined));
      show(undefined);
      return true;
    } catch (err) {
      show({ kind: 'refused', ...explain(err), dismiss: () => setMark(undefined) });
      return false;
    }
  }, []);
  return useMemo(() => ({ mark, attempt }), [mark, attempt]);
}

export interface CommandAct<Args> {
  readonly mark: Mark | undefined;
  readonly call: (args: Args) => Promise<boolean>;
}

/**
 * Calls a command and tells of its refusal, or of its failure at the service, which may come much later. With `shared`,
 * several things that are done at one place have one mark.
 */
export function useCall<Args, Result>(def: CommandDef<Args, Result>, shared?: Act): CommandAct<Args> {
  const baton = useBaton();
  const own = useAct();
  const { mark, attempt } = shared ?? own;
  const call = useCallback(
    (args: Args) =>
      attempt(async (accepted) => {
        const made = await baton.call(def, args);
        accepted();
        await made.finished();
      }),
    [baton, def, attempt],
  );
  return useMemo(() => ({ mark, call }), [mark, call]);
}

/** What to tell a person of an error: one word for what it is, and a sentence. */
function explain(err: unknown): { word: string; detail: string } {
  if (!(err instanceof BatonError)) return { word: 'Failed', detail: String(err) };
  if (err.code === 'failed') return { word: 'Failed', detail: err.detail };
  if (err.code === 'cancelled') return { word: 'Cancelled', detail: err.detail };
  if (err.code === 'unknown') return { word: 'Outcome unknown', detail: err.detail };
  return { word: 'Refused', detail: err.detail };
}
