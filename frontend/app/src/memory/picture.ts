/**
 * What the browser remembers of the screen, so that a reload shows something at once: the queue, the samples and how this
 * person likes the screen. It belongs to one user, one space and one history of the hub (its epoch), it is only there
 * while the browser is signed in, and it is never taken for what is so: the screen marks it until the hub has answered.
 * What lives, such as actuators, the sample changer's state and who is in control, is not in it.
 */

import type { Welcome } from '@baton/client';
import { queue, type Sample, samples, ui } from '../beamline.ts';

export interface Picture {
  /** When it was true, in milliseconds since 1970. */
  readonly at: number;
  /** Of the last connection, without its rules; `conn` is empty, which no connection's is. */
  readonly welcome: Welcome;
  readonly stores: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Everything that this app puts into a browser's storage begins with this; public/scheme.js reads one of them. */
const ours = 'baton-';
const key = `${ours}picture`;
/** A larger one would take longer to write than it saves. */
const largest = 1_000_000;
/** An older one says nothing of today, and is removed when it is met. */
const oldest = 12 * 3_600_000;

export const kept = [queue, samples, ui];

/** The picture that is there; undefined if there is none, or it cannot be read. */
export function recall(): Picture | undefined {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? 'null') as Partial<Picture> | null;
    if (!found?.welcome?.you || !found.stores || !found.at) return undefined;
    if (Date.now() - found.at < oldest) return found as Picture;
    localStorage.removeItem(key);
    return undefined;
  } catch {
    return undefined; // storage is blocked, or holds what an older release has written
  }
}

export function keep(welcome: Welcome, stores: Readonly<Record<string, ReadonlyMap<string, unknown>>>): void {
  const picture: Picture = {
    at: Date.now(),
    welcome: { ...welcome, conn: '', channels: {}, commands: {} },
    stores: Object.fromEntries(
      Object.entries(stores).map(([name, values]) => [
        name,
        Object.fromEntries(
          [...values].map(([k, value]) => [k, name === samples.name ? still(value) : value]),
        ),
      ]),
    ),
  };
  try {
    const text = JSON.stringify(picture);
    if (text.length <= largest) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Without storage a reload begins empty, and that is all.
  }
}

/** A sample without what the sample changer does with it. */
function still(value: unknown): Sample {
  const sample = value as Sample;
  return { ...sample, state: sample.state === 'collected' ? 'collected' : 'in puck' };
}

export function forgetPicture(): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing is there.
  }
}

/** Removes all that this app has put into the browser. */
export function forget(): void {
  for (const storage of ['localStorage', 'sessionStorage'] as const) {
    try {
      for (const name of Object.keys(globalThis[storage])) {
        if (name.startsWith(ours)) globalThis[storage].removeItem(name);
      }
    } catch {
      // Nothing is there.
    }
  }
}
