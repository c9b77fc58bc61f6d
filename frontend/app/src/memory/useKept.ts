import type { Persistence, RefusedChange, WaitingChange } from '@baton/client/persist';
import { useReadable } from '@baton/react';
import { createContext, useContext, useMemo } from 'react';
import { ui } from '../beamline.ts';

type Change = WaitingChange['change'];

const nothing: readonly [] = [];
const none = { get: () => nothing, subscribe: () => () => undefined };

/** The changes that the browser keeps until the hub has answered them. */
export const Kept = createContext<Pick<Persistence, 'changes' | 'refused' | 'dismiss'>>({
  changes: none,
  refused: none,
  dismiss: () => undefined,
});

/** What this person has changed that the hub has not answered, from pages of before too. How the screen looks does not count. */
export function useWaiting(): readonly WaitingChange[] {
  const changes = useReadable(useContext(Kept).changes);
  return useMemo(() => changes.filter(({ change }) => counts(change)), [changes]);
}

/** What was refused of what pages of before had left. */
export function useRefused(): { readonly refused: readonly RefusedChange[]; readonly dismiss: () => void } {
  const { refused: all, dismiss } = useContext(Kept);
  const refused = useReadable(all);
  return useMemo(
    () => ({ refused: refused.filter(({ change }) => counts(change)), dismiss }),
    [refused, dismiss],
  );
}

function counts(change: Change): boolean {
  return !('channel' in change && change.channel === ui.name);
}
