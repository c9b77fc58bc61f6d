import { useBaton, useLog, useStatus, useStore, useYou } from '@baton/react';
import { useDocumentVisibility } from '@mantine/hooks';
import { useEffect, useMemo } from 'react';
import { chat, ui } from '../beamline.ts';

/** The key of `ui` under which a reader's place in the chat is: the position of the newest message that was seen. */
const key = 'read/chat';

/** How many messages of others this person has not seen in any tab; what `visible` shows is seen. */
export function useUnread(visible: boolean): number {
  const baton = useBaton();
  const user = useYou()?.user;
  const looked = useDocumentVisibility() === 'visible';
  const live = useStatus() === 'live';
  const { ready, messages } = useLog(chat);
  const stored = useStore(ui);
  const read = Number(stored.values.get(key) ?? 0);
  const newest = messages.at(-1)?.position ?? 0;
  // In another history of the hub positions begin anew.
  const seen = ready && read > newest ? 0 : read;
  useEffect(() => {
    if (!visible || !looked || !live || !ready || !stored.ready || newest === 0 || newest === read) return;
    baton
      .store(ui)
      .set(key, String(newest))
      .catch(() => undefined);
  }, [baton, visible, looked, live, ready, stored.ready, newest, read]);
  return useMemo(() => {
    if (!stored.ready) return 0;
    return messages.filter(({ position, by }) => position > seen && by !== user).length;
  }, [messages, seen, user, stored.ready]);
}
