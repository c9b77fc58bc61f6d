import { type SignedIn, signOut, whoAmI } from '@baton/client';
import { Center, Loader } from '@mantine/core';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Beamline } from './shell/Beamline.tsx';
import { SignIn } from './signin/SignIn.tsx';

/** Who is at this browser: not known yet, nobody (and why), or somebody. */
type Who =
  | { readonly is: 'unknown' }
  | { readonly is: 'nobody'; readonly notice?: string }
  | { readonly is: 'somebody'; readonly session: string };

/** Signs in by the cookie when there is one, shows the way in when there is none. */
export function App() {
  const [who, setWho] = useState<Who>({ is: 'unknown' });
  useEffect(() => {
    // A hub that does not answer is told of by the sign-in page, which asks it again.
    whoAmI().then(
      (me) => setWho(me === null ? { is: 'nobody' } : somebody(me)),
      () => setWho({ is: 'nobody' }),
    );
  }, []);
  const leaving = useRef(false); // the socket may end before the sign-out is answered: that is then no news
  const leave = useCallback(async () => {
    leaving.current = true;
    try {
      await signOut();
      setWho({ is: 'nobody', notice: 'You have signed out.' });
    } catch {
      setWho({
        is: 'nobody',
        notice: 'This browser has signed out; the hub will confirm it when its records are back.',
      });
    } finally {
      leaving.current = false;
    }
  }, []);
  const out = useCallback((notice: string) => {
    if (!leaving.current) setWho({ is: 'nobody', notice });
  }, []);
  switch (who.is) {
    case 'unknown':
      return (
        <Center h="100dvh">
          <Loader aria-label="Loading" />
        </Center>
      );
    case 'nobody':
      return <SignIn notice={who.notice} entered={(me) => setWho(somebody(me))} />;
    case 'somebody':
      return <Beamline key={who.session} leave={() => void leave()} out={out} />;
  }
}

function somebody(me: SignedIn): Who {
  return { is: 'somebody', session: me.session };
}
