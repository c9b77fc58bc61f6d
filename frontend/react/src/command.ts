import {
  type ArgsOf,
  BatonError,
  type Call,
  type CallState,
  type CallView,
  type CommandDef,
} from '@baton/client';
import { useCallback, useRef, useState } from 'react';
import { useBaton } from './context.js';
import { useReadable } from './hooks.js';

/** How the newest run stands: `refused` is the hub's no; the rest is as the service tells. */
export type CommandState = 'idle' | 'sending' | 'refused' | CallState;

export interface CommandRun<Args, Result> {
  /** Calls the command. The promise is that of Baton.call; nobody has to wait for it, `state` tells. */
  readonly run: (...args: ArgsOf<Args>) => Promise<Call<Result>>;
  readonly state: CommandState;
  /** The newest call that was accepted: its progress, result or error. */
  readonly call: CallView<Result> | null;
  /** Why the newest run was refused. */
  readonly refusal: BatonError | null;
}

type Step<Result> =
  | { readonly at: 'idle' | 'sending' }
  | { readonly at: 'refused'; readonly refusal: BatonError }
  | { readonly at: 'accepted'; readonly call: Call<Result> };

const idle = { at: 'idle' } as const;
const nothing = { get: () => null, subscribe: () => () => {} };

/** A command, and how its newest run from this component stands. */
export function useCommand<Args, Result>(def: CommandDef<Args, Result>): CommandRun<Args, Result> {
  const baton = useBaton();
  const newest = useRef(0);
  const [last, setLast] = useState({ baton, step: idle as Step<Result> });
  const step: Step<Result> = last.baton === baton ? last.step : idle; // what another connection ran is not this one's
  const view = useReadable<CallView<Result> | null>(step.at === 'accepted' ? step.call : nothing);
  const run = useCallback(
    (...args: ArgsOf<Args>) => {
      const me = ++newest.current;
      const tell = (next: Step<Result>) => {
        if (me === newest.current) setLast({ baton, step: next });
      };
      tell({ at: 'sending' });
      const call = baton.call(def, ...args);
      call.then(
        (accepted) => tell({ at: 'accepted', call: accepted }),
        (err: unknown) => tell({ at: 'refused', refusal: asBatonError(err) }),
      );
      return call;
    },
    [baton, def],
  );
  return {
    run,
    state: view?.state ?? (step.at === 'accepted' ? 'waiting' : step.at),
    call: view,
    refusal: step.at === 'refused' ? step.refusal : null,
  };
}

function asBatonError(err: unknown): BatonError {
  return err instanceof BatonError ? err : new BatonError({ code: 'invalid', detail: String(err) });
}
