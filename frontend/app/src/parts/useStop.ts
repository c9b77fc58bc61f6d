import type { CommandDef } from '@baton/client';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Mark } from './Mark.tsx';
import { useCall } from './useAct.ts';

export interface Stop {
  readonly mark: Mark | undefined;
  /** It has just reached what it stops. */
  readonly sent: boolean;
  readonly press: () => void;
}

/** So long one sees that it was sent. */
const seen = 5_000;

/** What becomes of a stop: several places can show the same. */
export function useStop<Args>(def: CommandDef<Args, unknown>, args: Args): Stop {
  const { mark, call } = useCall(def);
  const [sent, setSent] = useState(0); // how many times
  useEffect(() => {
    if (sent === 0) return;
    const timer = setTimeout(() => setSent(0), seen);
    return () => clearTimeout(timer);
  }, [sent]);
  const press = useCallback(() => {
    setSent(0);
    void call(args).then((done) => done && setSent((n) => n + 1));
  }, [call, args]);
  return useMemo(() => ({ mark, sent: sent > 0, press }), [mark, sent, press]);
}
