import type { Ending, SignedIn } from '@baton/client';
import { arrive, type Ended } from '@baton/client/session';
import { Center, Loader, useMantineColorScheme } from '@mantine/core';
import { useCallback, useEffect, useRef, useState } from 'react';
import { forget, forgetPicture, type Picture, recall } from './memory/picture.ts';
import { enterPlace, leavePlace } from './memory/place.ts';
import { Beamline } from './shell/Beamline.tsx';
import { signOutHere } from './shell/leaving.ts';
import { ended, notice } from './signin/problem.ts';
import { SignIn } from './signin/SignIn.tsx';

/** Who is at this browser: not known yet, nobody (and why), or somebody. */
type Who =
  | { readonly is: 'unknown' }
  | { readonly is: 'nobody'; readonly notice?: string }
  | {
      readonly is: 'somebody';
      readonly session: string;
      /** What the hub said; a page that begins with a picture does not wait for that. */
      readonly me?: SignedIn;
      readonly picture?: Picture;
    };

/** Signs in by the cookie when there is one, shows the way in when there is none. */
export function App() {
  const [who, setWho] = useState<Who>(begin);
  const enter = useCallback((me: SignedIn) => {
    setWho((before) => somebody(me, before));
  }, []);
  const come = useCallback(async () => {
    try {
      const found = await arrive();
      if (found.is === 'somebody') return enter(found.me);
      forgetPicture();
      setWho({ is: 'nobody', ...(found.ended && { notice: ended(found.ended) }) });
    } catch {
      // A hub that does not answer is told of by the screen, or by the sign-in page: both ask it again.
      setWho((before) => (before.is === 'unknown' ? { is: 'nobody' } : before));
    }
  }, [enter]);
  useEffect(() => void come(), [come]);
  const { clearColorScheme } = useMantineColorScheme();
  const leaving = useRef(false); // the socket may end before the sign-out is answered: that is then no news
  const leave = useCallback(
    async (how: { force?: boolean; reason?: string }) => {
      leaving.current = true;
      try {
        const said = await signOutHere(how);
        forget();
        leavePlace();
        clearColorScheme();
        setWho({ is: 'nobody', notice: said });
      } finally {
        leaving.current = false;
      }
    },
    [clearColorScheme],
  );
  const out = useCallback(({ reason }: Ending) => {
    forgetPicture();
    if (leaving.current) return;
    setWho({ is: 'nobody', notice: notice(reason) });
    void signedOut(reason, (end) => setWho({ is: 'nobody', notice: ended(end) }));
  }, []);
  switch (who.is) {
    case 'unknown':
      return (
        <Center h="100dvh">
          <Loader aria-label="Loading" />
        </Center>
      );
    case 'nobody':
      return <SignIn notice={who.notice} entered={enter} />;
    case 'somebody':
      return (
        <Beamline
          key={who.session}
          known={who.me !== undefined}
          idleInput={who.me?.idle_input_ms}
          picture={who.picture}
          leave={leave}
          out={out}
          again={come}
        />
      );
  }
}

/**
 * Forgets the place too if somebody has signed out in another tab. A tab that was not there when it ended asks how, and
 * tells; without a cookie nobody can say, which is how a sign-out leaves a browser.
 */
async function signedOut(reason: string, tell: (end: Ended) => void): Promise<void> {
  const found = reason === '' ? await arrive().catch(() => undefined) : undefined;
  const end = found?.is === 'nobody' ? found.ended : undefined;
  if (end !== undefined) tell(end);
  const how = end?.how ?? (found?.is === 'nobody' || reason === 'signed out' ? 'signed_out' : '');
  if (how !== 'signed_out') return;
  forget();
  leavePlace();
}

/** With a picture, the screen is there before the hub has said who is signed in. */
function begin(): Who {
  const picture = recall();
  if (picture === undefined) return { is: 'unknown' };
  enterPlace(picture.welcome.you.user, picture.welcome.space);
  return { is: 'somebody', session: picture.welcome.session, picture };
}

/** What the browser has of somebody else is forgotten before anything is shown. */
function somebody(me: SignedIn, before: Who): Who {
  const picture = before.is === 'somebody' ? before.picture : recall();
  const same = picture?.welcome.you.user === me.you.user && picture.welcome.space === me.space;
  if (!same) forgetPicture();
  enterPlace(me.you.user, me.space);
  return { is: 'somebody', session: me.session, me, ...(same && picture && { picture }) };
}
