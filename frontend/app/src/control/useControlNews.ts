import type { LogMessage } from '@baton/client';
import { useLog } from '@baton/react';
import { useEffect, useEffectEvent, useRef } from 'react';
import { type JournalRecord, journal } from '../beamline.ts';

/** Calls back with what the journal has had since the page was opened, a message of the hub at a time. */
export function useControlNews(tell: (news: readonly LogMessage<JournalRecord>[]) => void) {
  const { ready, messages } = useLog(journal);
  const seen = useRef<number>(undefined);
  const told = useEffectEvent(tell);
  useEffect(() => {
    if (!ready) return;
    const newest = messages.at(-1)?.position ?? 0;
    const before = seen.current;
    seen.current = newest;
    // What was there when the page was opened is history, and so is the whole of another history.
    if (before === undefined || newest <= before) return;
    const news = messages.filter(({ position, data }) => position > before && isMove(data));
    if (news.length > 0) told(news);
  }, [ready, messages]);
}

/** Whether a record is about the seat, and not a command. */
export function isMove({ do: what }: JournalRecord): boolean {
  return what !== 'call' && what !== 'stop';
}
