import { useCallback, useEffect, useRef } from 'react';

/**
 * The tabs of a browser are of one person: there is one cookie. Calls `look` when somebody has signed in in another tab;
 * what it returns tells the others that somebody has in this one. A page that is left does not listen, so that the browser
 * can keep it.
 */
export function useInStep(look: () => unknown): () => void {
  const channel = useRef<BroadcastChannel>(undefined);
  useEffect(() => {
    const open = () => {
      if (channel.current || !globalThis.BroadcastChannel) return;
      channel.current = new BroadcastChannel('baton signed in');
      channel.current.onmessage = () => look();
    };
    const close = () => {
      channel.current?.close();
      channel.current = undefined;
    };
    const back = ({ persisted }: PageTransitionEvent) => {
      if (!persisted) return;
      open();
      look(); // somebody may have, meanwhile
    };
    open();
    addEventListener('pagehide', close);
    addEventListener('pageshow', back);
    return () => {
      close();
      removeEventListener('pagehide', close);
      removeEventListener('pageshow', back);
    };
  }, [look]);
  return useCallback(() => channel.current?.postMessage(''), []);
}
