import { useHotkeys } from '@mantine/hooks';
import { createContext, type ReactNode, useContext } from 'react';
import { abort } from '../beamline.ts';
import { DialogHead } from '../parts/Dialog.tsx';
import { StopPress } from '../parts/StopButton.tsx';
import { type Stop, useStop } from '../parts/useStop.ts';

/** No browser and no desktop has these for anything else, and they are where they are on every keyboard. */
const keys = 'Shift+F8';
const nothing = {};

const Stopping = createContext<Stop>({ mark: undefined, sent: false, press: () => undefined });

/** Lets what is in it stop everything at all times: by the button of the page, by one in each dialog, and by the keys. */
export function StopsEverything({ children }: { readonly children: ReactNode }) {
  const stop = useStop(abort, nothing);
  useHotkeys([[keys, ({ repeat }) => !repeat && stop.press()]], [], true);
  return (
    <Stopping value={stop}>
      <DialogHead value={<StopEverything at="dialog" />}>{children}</DialogHead>
    </Stopping>
  );
}

/** All of these are one: each shows what became of the last press, wherever that was. */
export function StopEverything({ at = 'page' }: { readonly at?: 'page' | 'dialog' }) {
  return <StopPress stop={useContext(Stopping)} label="Stop everything" keys={keys} prominent={at} />;
}
