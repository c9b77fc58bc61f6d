import type { Ending, SignedIn } from '@baton/client';
import type { Recalled } from '@baton/client/persist';
import { arrive, type Ended } from '@baton/client/session';
import { Center, Loader, useMantineColorScheme } from '@mantine/core';
import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef, useState } from 'react';
import { forget, forgetPicture, recall } from './memory/kept.ts';
import { enterPlace, leavePlace } from './memory/place.ts';
import { useInStep } from './memory/useInStep.ts';
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
      readonly user: string;
      readonly space: string;
      /** What the hub said; a page that begins with what the browser remembers does not wait for that. */
      readonly me?: SignedIn;
      readonly before?: Recalled;
    };

/** Signs in by the cookie when there is one, shows the way in when there is none. */
export function App() {
  const [who, setWho] = useState<Who>({ is: 'unknown' });
  const { again, signedIn } = useComing(setWho);
  const { leave, out } = useGoing(setWho);
  switch (who.is) {
    case 'unknown':
      return (
        <Center h="100dvh">
          <Loader aria-label="Loading" />
        </Center>
      );
    case 'nobody':
      return <SignIn notice={who.notice} entered={signedIn} />;
    case 'somebody':
      return (
        <Beamline
          key={who.session}
          session={who.session}
          user={who.user}
          space={who.space}
          known={who.me !== undefined}
          idleInput={who.me?.idle_input_ms}
          before={who.before}
          leave={leave}
          out={out}
          again={again}
        />
      );
  }
}

type SetWho = Dispatch<SetStateAction<Who>>;

/** Finds who is signed in at this browser: when the page begins, when asked again, and when somebody signs in here. */
function useComing(setWho: SetWho) {
  const enter = useCallback(
    (me: SignedIn) => {
      setWho((before) => somebody(me, before));
    },
    [setWho],
  );
  const come = useCallback(
    async (first: Promise<unknown> = Promise.resolve()) => {
      try {
        const [found] = await Promise.all([arrive(), first]);
        if (found.is === 'somebody') return enter(found.me);
        void forgetPicture();
        setWho({ is: 'nobody', ...(found.ended && { notice: ended(found.ended) }) });
      } catch {
        await first;
        // A hub that does not answer is told of by the screen, or by the sign-in page: both ask it again.
        setWho((before) => (before.is === 'unknown' ? { is: 'nobody' } : before));
      }
    },
    [enter, setWho],
  );
  useEffect(() => {
    // With what the browser remembers, the screen is there before the hub has said who is signed in.
    void come(
      recall().then((found) => setWho((now) => (now.is === 'unknown' && found ? remembered(found) : now))),
    );
  }, [come, setWho]);
  const again = useCallback(() => come(), [come]);
  const tellOthers = useInStep(again);
  const signedIn = useCallback(
    (me: SignedIn) => {
      enter(me);
      tellOthers();
    },
    [enter, tellOthers],
  );
  return { again, signedIn };
}

/** Signs out: by the person here, or as the hub tells when the login session has ended. */
function useGoing(setWho: SetWho) {
  const { clearColorScheme } = useMantineColorScheme();
  const leaving = useRef(false); // the socket may end before the sign-out is answered: that is then no news
  const leave = useCallback(
    async (how: { force?: boolean; reason?: string }) => {
      leaving.current = true;
      try {
        const said = await signOutHere(how);
        await forget();
        leavePlace();
        clearColorScheme();
        setWho({ is: 'nobody', notice: said });
      } finally {
        leaving.current = false;
      }
    },
    [clearColorScheme, setWho],
  );
  const out = useCallback(
    ({ reason }: Ending) => {
      if (leaving.current) return;
      setWho({ is: 'nobody', notice: notice(reason) });
      void signedOut(reason, (end) => setWho({ is: 'nobody', notice: ended(end) }));
    },
    [setWho],
  );
  return { leave, out };
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
  leavePlace();
  await forget();
}

function remembered(before: Recalled): Who {
  const { session, space, you } = before.welcome;
  enterPlace(you.user, space);
  return { is: 'somebody', session, user: you.user, space, before };
}

/** What the browser has of somebody else is forgotten before anything is shown. */
function somebody(me: SignedIn, now: Who): Who {
  const { session, space, you } = me;
  const same = now.is === 'somebody' && now.user === you.user && now.space === space;
  const before = same ? now.before : undefined;
  if (!same && now.is === 'somebody') void forgetPicture();
  enterPlace(you.user, space);
  return { is: 'somebody', session, user: you.user, space, me, ...(before && { before }) };
}
