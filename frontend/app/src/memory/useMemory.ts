import { useWelcome } from '@baton/react';
import { createContext, useContext } from 'react';
import type { Mark } from '../parts/Mark.tsx';
import type { Picture } from './picture.ts';

/** The picture that this page was begun with, if there was one. */
export const Memory = createContext<Picture | undefined>(undefined);

/** The picture, as long as it is all that there is: the hub has not answered yet. */
export function useMemory(): Picture | undefined {
  const picture = useContext(Memory);
  return useWelcome()?.conn === '' ? picture : undefined;
}

/** Says of what is shown that it is a memory. */
export const unconfirmed: Mark = {
  kind: 'stale',
  detail: 'As this browser remembers it. The hub has not confirmed it yet.',
};
