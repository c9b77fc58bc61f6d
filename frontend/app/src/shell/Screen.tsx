import { useYou } from '@baton/react';
import { useHash } from '@mantine/hooks';
import { lazy, Suspense } from 'react';
import { ControlBar } from '../control/ControlBar.tsx';
import { StopsEverything } from '../control/StopEverything.tsx';
import { Toasts } from '../control/Toasts.tsx';
import { Equipment } from '../equipment/Equipment.tsx';
import { Messages } from '../messages/Messages.tsx';
import { Confirmation } from '../parts/Confirmation.tsx';
import { Queue } from '../queue/Queue.tsx';
import { Stage } from '../stage/Stage.tsx';
import type { BeamlineProps } from './Beamline.tsx';
import { ConnectionBanner } from './ConnectionBanner.tsx';
import { Header } from './Header.tsx';
import { Idle } from './Idle.tsx';
import { Refusals } from './Refusals.tsx';
import classes from './Screen.module.css';
import { Skip } from './Skip.tsx';
import { looksAfter } from './UserMenu.tsx';

// Loaded by those who need it.
const Admin = lazy(async () => ({ default: (await import('../admin/Admin.tsx')).Admin }));

/** The beamline on one screen: nothing important is behind a click. */
export function Screen({ leave, idleInput }: Pick<BeamlineProps, 'leave' | 'idleInput'>) {
  const [hash] = useHash();
  const admin = looksAfter(useYou()?.roles ?? []) && hash.startsWith('#admin');
  return (
    <StopsEverything>
      <Confirmation>
        <div className={classes.screen}>
          {!admin && <Skip />}
          <Header leave={leave} />
          <ConnectionBanner />
          <Refusals />
          <ControlBar />
          {admin ? (
            <Suspense fallback={<main className={classes.main} />}>
              <Admin />
            </Suspense>
          ) : (
            <main className={classes.main}>
              <Equipment />
              <Stage />
              <Queue />
              <Messages />
            </main>
          )}
        </div>
        <Idle idleInput={idleInput} />
        <Toasts />
      </Confirmation>
    </StopsEverything>
  );
}
