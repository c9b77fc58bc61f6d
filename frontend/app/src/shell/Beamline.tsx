import type { Ending } from '@baton/client';
import type { Recalled } from '@baton/client/persist';
import { BatonProvider } from '@baton/react';
import { useEffect, useState } from 'react';
import { type Opened, open } from '../memory/kept.ts';
import { Kept } from '../memory/useKept.ts';
import { Memory } from '../memory/useMemory.ts';
import { Connected } from './Connected.tsx';
import { RoundTripContext } from './roundTrip.ts';

export interface BeamlineProps {
  /** The login session, which the tabs of a browser share. */
  readonly session: string;
  readonly user: string;
  readonly space: string;
  /** The hub has said who is signed in; after a reload without it, that is asked again. */
  readonly known: boolean;
  /** Where the space wants deliberate input: within how many milliseconds. */
  readonly idleInput: number | undefined;
  /** What the browser remembers, until the hub has answered. */
  readonly before: Recalled | undefined;
  /** Signs out; rejects if the hub says no. */
  readonly leave: (how: { force?: boolean; reason?: string }) => Promise<void>;
  /** The login session has ended; says why. */
  readonly out: (ending: Ending) => void;
  /** To the door, or in again if this browser is signed in by now. */
  readonly again: () => Promise<void>;
}

/** One connection for as long as somebody is signed in. */
export function Beamline({ session, user, space, before, ...props }: BeamlineProps) {
  const [began] = useState(before); // what is learnt later changes nothing here
  const [opened, setOpened] = useState<Opened>();
  useEffect(() => {
    const made = open(session, { user, space }, began);
    setOpened(made);
    return () => made.baton.close();
  }, [session, user, space, began]);
  if (opened === undefined) return null;
  return (
    <Memory value={began}>
      <Kept value={opened.kept}>
        <BatonProvider baton={opened.baton}>
          <RoundTripContext value={opened.roundTrip}>
            <Connected {...props} />
          </RoundTripContext>
        </BatonProvider>
      </Kept>
    </Memory>
  );
}
