import { useControl } from '@baton/react';

/** What the seat is to this person, in one word. */
export type SeatWord = 'mine' | 'taken' | 'lost' | 'vacant';

export function useSeat(): SeatWord {
  const control = useControl();
  if (control.operator === null) return 'vacant';
  if (control.lost !== null) return 'lost';
  return control.mine ? 'mine' : 'taken';
}
