import type { Recalled } from '@baton/client/persist';
import { useWelcome } from '@baton/react';
import { createContext, useContext } from 'react';
import type { Mark } from '../parts/Mark.tsx';

/** What the browser had when this page began, if it had anything. */
export const Memory = createContext<Recalled | undefined>(undefined);

/** That, as long as it is all that there is: the hub has not answered yet. */
export function useMemory(): Recalled | undefined {
  const before = useContext(Memory);
  return useWelcome()?.conn === '' ? before : undefined;
}

/** Says of what is shown that it is a memory. */
export const unconfirmed: Mark = {
  kind: 'stale',
  detail: 'As this browser remembers it. The hub has not confirmed it yet.',
};
