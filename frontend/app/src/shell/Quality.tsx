import { useBaton, useReadable, useSignal, useStatus, useWelcome } from '@baton/react';
import { Group, Text, Tooltip } from '@mantine/core';
import { IconAntennaBars2, IconAntennaBars3, IconAntennaBars4, IconAntennaBars5 } from '@tabler/icons-react';
import { useContext, useEffect, useMemo } from 'react';
import { links } from '../beamline.ts';
import { RoundTripContext } from './roundTrip.ts';

/** How often a page asks the hub for an answer, and tells the others how long that took. */
const often = 10_000;
/** After a connection there is more to do first. */
const soon = 1_000;

export interface Links {
  /** Of each other user, what their pages say: milliseconds. */
  readonly others: ReadonlyMap<string, readonly number[]>;
  /** What this page found. */
  readonly own: readonly number[];
}

/** How long a message of each page takes to the hub and back, over the connection that everything else takes too. */
export function useLinks(): Links {
  const baton = useBaton();
  const session = useWelcome()?.session ?? '';
  const live = useStatus() === 'live';
  const { latest } = useSignal(links);
  const roundTrip = useContext(RoundTripContext);
  const own = useReadable(roundTrip);
  useEffect(() => {
    if (!live) return;
    const first = setTimeout(roundTrip.ask, soon);
    const timer = setInterval(roundTrip.ask, often);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [roundTrip, live]);
  useEffect(() => {
    if (own !== null) baton.signal(links).send({ ms: Math.round(own), session });
  }, [baton, session, own]);
  return useMemo(() => {
    const others = new Map<string, number[]>();
    for (const { by, data } of latest.values()) others.set(by, [...(others.get(by) ?? []), data.ms]);
    return { others, own: own === null ? [] : [own] };
  }, [latest, own]);
}

/** Words for milliseconds: what one can do with such a link. */
export function quality(ms: number): { word: string; color: string; icon: typeof IconAntennaBars5 } {
  if (ms < 80) return { word: 'good', color: 'green', icon: IconAntennaBars5 };
  if (ms < 250) return { word: 'fair', color: 'yellow', icon: IconAntennaBars4 };
  if (ms < 800) return { word: 'slow', color: 'orange', icon: IconAntennaBars3 };
  return { word: 'very slow', color: 'red', icon: IconAntennaBars2 };
}

/** The link of a person: that of the best of their pages. Nothing until one of them has told. */
export function Quality({ links: all }: { readonly links: readonly number[] }) {
  if (all.length === 0) return null;
  const ms = Math.round(Math.min(...all));
  const { word, color, icon: Icon } = quality(ms);
  return (
    <Tooltip
      label={`The link is ${word}: a message of theirs takes ${ms} ms to the hub and back. Measured every 10 s over their live connection; of several pages, the best.`}
      multiline
      maw={280}
    >
      <Group
        gap={4}
        wrap="nowrap"
        style={{ flex: 'none', color: `var(--mantine-color-${color}-light-color)` }}
      >
        <Icon size={18} stroke={2.2} aria-hidden />
        <Text size="xs" className="numbers" c="dimmed" aria-label={`Link ${word}, ${ms} ms`} role="note">
          {ms} ms
        </Text>
      </Group>
    </Tooltip>
  );
}
