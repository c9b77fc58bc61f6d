/**
 * Where this tab is: what is filtered, how far each list is scrolled. It outlives a reload, and a login session that
 * ends by itself: who signs in again is where they were. It is gone when somebody else signs in, and with a sign-out.
 */

import { useCallback, useEffect, useRef, useState } from 'react';

interface Place {
  readonly user: string;
  readonly space: string;
  readonly at: Readonly<Record<string, unknown>>;
}

const key = 'baton-place';

let place: Place | undefined = read();

function read(): Place | undefined {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Partial<Place> | null;
    return found?.user && found.space && found.at ? (found as Place) : undefined;
  } catch {
    return undefined;
  }
}

/** Who was here last, and in which space. */
export function lastPlace(): { readonly user: string; readonly space: string } | undefined {
  return place;
}

/** Somebody is here: with the place that they left, or with a new one. */
export function enterPlace(user: string, space: string): void {
  if (place?.user === user && place.space === space) return;
  put({ user, space, at: {} });
}

export function leavePlace(): void {
  place = undefined;
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing is there.
  }
}

function put(next: Place): void {
  place = next;
  try {
    sessionStorage.setItem(key, JSON.stringify(next));
  } catch {
    // Without storage a place lasts as long as the page.
  }
}

function note(name: string, value: unknown): void {
  if (place !== undefined) put({ ...place, at: { ...place.at, [name]: value } });
}

/** A string that belongs to the place, such as what is searched for. */
export function usePlace(name: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => {
    const found = place?.at[name];
    return typeof found === 'string' ? found : '';
  });
  const set = useCallback(
    (next: string) => {
      setValue(next);
      note(name, next);
    },
    [name],
  );
  return [value, set];
}

/** For a ScrollArea: takes it to where it was, once `ready` says that there is something to scroll. */
export function useScroll(name: string, ready: boolean) {
  const viewportRef = useRef<HTMLDivElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    const top = place?.at[`scroll ${name}`];
    if (ready && typeof top === 'number') viewportRef.current?.scrollTo({ top });
  }, [name, ready]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onScrollPositionChange = useCallback(
    ({ y }: { readonly y: number }) => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => note(`scroll ${name}`, Math.round(y)), 200);
    },
    [name],
  );
  return { viewportRef, onScrollPositionChange };
}
