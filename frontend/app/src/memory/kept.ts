/**
 * What this browser keeps of the beamline: what was on the screen, to show it at once after a reload, and changes that the
 * hub has not answered. `@baton/client/persist` does it. What lives is not in it: actuators, the sample changer, what the
 * beamline does, who is in control.
 */

import { type Baton, connect, type Readable } from '@baton/client';
import { type Persistence, persist, type Recalled } from '@baton/client/persist';
import { withTabs } from '@baton/client/tabs';
import { type Sample, samples } from '../beamline.ts';
import { measured, type RoundTrip } from '../shell/roundTrip.ts';

/** Everything that this app puts into a browser's storage by itself begins with this; public/scheme.js reads one of them. */
const ours = 'baton-';

export interface Opened {
  readonly baton: Baton;
  readonly kept: Persistence;
  readonly roundTrip: RoundTrip;
}

/** A connection that all tabs of this browser share, which shows what the browser has until the hub has answered. */
export function open(session: string, who: { user: string; space: string }, before?: Recalled): Opened {
  const kept = persist({ who, part: still });
  const shared = withTabs({ session });
  const roundTrip = measured(shared.open ?? ((url, protocol) => new WebSocket(url, protocol)));
  const baton = connect({ ...shared, open: roundTrip.open, add: kept.add });
  if (before === undefined) return { baton, kept, roundTrip };
  const { welcome } = before;
  const [said, you] = [either(baton.welcome, welcome), either(baton.you, welcome.you)];
  return { baton: { ...baton, welcome: said, you }, kept, roundTrip };
}

function either<T>({ get, subscribe }: Readable<T | null>, before: T): Readable<T> {
  return { subscribe, get: () => get() ?? before };
}

/** A sample without what the sample changer does with it. */
function still(channel: string, value: unknown): unknown {
  if (channel !== samples.name) return value;
  const sample = value as Sample;
  return { ...sample, state: sample.state === 'collected' ? 'collected' : 'in puck' };
}

/** Who was here last; undefined if the browser has nothing. */
export function recall(): Promise<Recalled | undefined> {
  return persist().recall();
}

/** Removes what was on the screen; changes that wait stay, for when the same person signs in again. */
export function forgetPicture(): Promise<void> {
  return persist().forget('picture');
}

/** Removes all that this app has put into the browser. */
export async function forget(): Promise<void> {
  for (const storage of ['localStorage', 'sessionStorage'] as const) {
    try {
      for (const name of Object.keys(globalThis[storage])) {
        if (name.startsWith(ours)) globalThis[storage].removeItem(name);
      }
    } catch {
      // Nothing is there.
    }
  }
  await persist().forget();
}
