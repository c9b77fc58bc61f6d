import { type Baton, connect } from '@baton/client';
import { BatonProvider } from '@baton/react';
import { useEffect, useState } from 'react';
import { Connected } from './Connected.tsx';

interface Props {
  readonly leave: () => void;
  /** The login session has ended; says why. */
  readonly out: (notice: string) => void;
}

/** One connection for as long as somebody is signed in. */
export function Beamline(props: Props) {
  const [baton, setBaton] = useState<Baton>();
  useEffect(() => {
    const opened = connect();
    setBaton(opened);
    return () => opened.close();
  }, []);
  if (baton === undefined) return null;
  return (
    <BatonProvider baton={baton}>
      <Connected {...props} />
    </BatonProvider>
  );
}
