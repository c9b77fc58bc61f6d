import { useControl } from '@baton/react';
import { useMemory } from '../memory/useMemory.ts';

/** What the seat is to this person, in one word. */
export type SeatWord = 'unknown' | 'mine' | 'taken' | 'lost' | 'vacant';

export function useSeat(): SeatWord {
  const control = useControl();
  const memory = useMemory();
  if (memory !== undefined) return 'unknown'; // who is in control is never remembered
  if (control.operator === null) return 'vacant';
  if (control.mine) return 'mine'; // this page is connected: a link that is lost is about to be back
  return control.lost !== null ? 'lost' : 'taken';
}
