import { type Baton, connect, type Ending } from '@baton/client';
import { BatonProvider } from '@baton/react';
import { useEffect, useState } from 'react';
import type { Picture } from '../memory/picture.ts';
import { follow, remembering } from '../memory/remember.ts';
import { Memory } from '../memory/useMemory.ts';
import { Connected } from './Connected.tsx';

export interface BeamlineProps {
  /** The hub has said who is signed in; after a reload without it, that is asked again. */
  readonly known: boolean;
  /** Where the space wants deliberate input: within how many milliseconds. */
  readonly idleInput: number | undefined;
  /** What the browser remembers, until the hub has answered. */
  readonly picture: Picture | undefined;
  /** Signs out; rejects if the hub says no. */
  readonly leave: (how: { force?: boolean; reason?: string }) => Promise<void>;
  /** The login session has ended; says why. */
  readonly out: (ending: Ending) => void;
  /** To the door, or in again if this browser is signed in by now. */
  readonly again: () => Promise<void>;
}

/** One connection for as long as somebody is signed in. */
export function Beamline({ picture, ...props }: BeamlineProps) {
  const [began] = useState(picture); // what is learnt later changes nothing here
  const [baton, setBaton] = useState<Baton>();
  useEffect(() => {
    const opened = connect();
    const unfollow = follow(opened);
    setBaton(remembering(opened, began));
    return () => {
      unfollow();
      opened.close();
    };
  }, [began]);
  if (baton === undefined) return null;
  return (
    <Memory value={began}>
      <BatonProvider baton={baton}>
        <Connected {...props} />
      </BatonProvider>
    </Memory>
  );
}
