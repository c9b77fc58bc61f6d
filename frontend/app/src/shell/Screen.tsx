import { ControlBar } from '../control/ControlBar.tsx';
import { Equipment } from '../equipment/Equipment.tsx';
import { Messages } from '../messages/Messages.tsx';
import { Queue } from '../queue/Queue.tsx';
import { Samples } from '../samples/Samples.tsx';
import { ConnectionBanner } from './ConnectionBanner.tsx';
import { Header } from './Header.tsx';
import classes from './Screen.module.css';

/** The beamline on one screen: nothing important is behind a click. */
export function Screen({ leave }: { readonly leave: () => void }) {
  return (
    <div className={classes.screen}>
      <Header leave={leave} />
      <ConnectionBanner />
      <ControlBar />
      <main className={classes.main}>
        <Equipment />
        <Samples />
        <Queue />
        <Messages />
      </main>
    </div>
  );
}
