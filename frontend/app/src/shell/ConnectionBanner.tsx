import { useStatus } from '@baton/react';
import { Group, Loader, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { clock, plural, span } from '../format.ts';
import { useWaiting } from '../memory/useKept.ts';
import { useMemory } from '../memory/useMemory.ts';
import { useNow } from '../parts/useNow.ts';
import classes from './ConnectionBanner.module.css';

const sentences = {
  connecting: 'No connection to the hub. It is tried again by itself.',
  stale: 'The hub cannot reach its records. Nothing can be saved until it can.',
} as const;

/** After a reload the hub has so long to answer until the page says that it does not. */
const patience = 2000;

/** Says that the page is not up to date, and since when. A moment of connecting at the beginning is not told. */
export function ConnectionBanner() {
  const status = useStatus();
  const since = useSince(status);
  const now = useNow();
  const memory = useMemory();
  const waiting = useWaiting().length;
  if (memory !== undefined && now - since < patience && waiting === 0) return null;
  if (status !== 'connecting' && status !== 'stale') return null;
  const from = memory?.at ?? since;
  return (
    <Group className={classes.banner} gap="xs" role="alert" wrap="nowrap">
      <Loader size={14} color="currentColor" aria-hidden />
      <Text size="sm" fw={600}>
        {sentences[status]}
      </Text>
      <Text size="sm" className="numbers">
        What you see is from {clock(new Date(from).toISOString())} ({span(now - from)} old) and may have
        changed.{memory !== undefined && ' This browser remembers it.'}
      </Text>
      {waiting > 0 && (
        <Text size="sm" fw={600}>
          {plural(waiting, 'change')} of yours {waiting === 1 ? 'is' : 'are'} kept, and sent when it is back.
        </Text>
      )}
    </Group>
  );
}

/** When the status became what it is. */
function useSince(status: string): number {
  const [since, setSince] = useState(Date.now);
  useEffect(() => setSince(Date.now()), [status]);
  return since;
}
