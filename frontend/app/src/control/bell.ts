import { useSyncExternalStore } from 'react';

/**
 * Whether this browser shows a notification when somebody asks for control and the tab is not looked at. It is asked for
 * by a press and never by itself; the choice is this browser's, as the permission is.
 */
export interface Bell {
  /** `absent`: this browser has none, or the page is not secure. */
  readonly can: 'yes' | 'blocked' | 'absent';
  readonly on: boolean;
}

const key = 'baton-bell';
const listeners = new Set<() => void>();
let bell = look();

function look(): Bell {
  if (typeof Notification === 'undefined') return { can: 'absent', on: false };
  let wished = false;
  try {
    wished = localStorage.getItem(key) === 'on';
  } catch {
    // Without storage it is off after each load.
  }
  const { permission } = Notification;
  return { can: permission === 'denied' ? 'blocked' : 'yes', on: wished && permission === 'granted' };
}

export function useBell(): Bell {
  return useSyncExternalStore(subscribe, () => bell);
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) bell = look();
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** The press on the bell: on, for which the browser may ask the person first, or off. */
export async function ringOrNot(): Promise<void> {
  if (bell.can === 'absent') return;
  const on = !bell.on && (await Notification.requestPermission()) === 'granted';
  try {
    if (on) localStorage.setItem(key, 'on');
    else localStorage.removeItem(key);
  } catch {
    // It is on for as long as the page.
  }
  bell = { ...look(), on };
  for (const listener of listeners) listener();
}

/** Shows it; a press on it brings the tab to the front. Of several tabs, the browser shows one. */
export function notifyBrowser(title: string, body: string): void {
  try {
    const shown = new Notification(title, { body, tag: 'baton-request', icon: '/favicon.svg' });
    shown.onclick = () => {
      focus();
      shown.close();
    };
  } catch {
    // Some browsers of phones have it for service workers only: the toast is there.
  }
}
