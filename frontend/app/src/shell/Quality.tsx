import { useBaton, useSignal, useStatus, useWelcome } from '@baton/react';
import { Group, Text, Tooltip } from '@mantine/core';
import { IconWifi, IconWifi0, IconWifi1, IconWifi2 } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { links } from '../beamline.ts';

/** How often a page finds out how long the hub takes to answer it, and tells the others. */
const often = 10_000;

export interface Links {
  /** Of each other user, what their pages say: milliseconds. */
  readonly others: ReadonlyMap<string, readonly number[]>;
  /** What this page found. */
  readonly own: readonly number[];
}

/** How long the hub takes to answer each page. It is asked over the same network, by a request that costs it nothing. */
export function useLinks(): Links {
  const baton = useBaton();
  const session = useWelcome()?.session ?? '';
  const live = useStatus() === 'live';
  const { latest } = useSignal(links);
  const [own, setOwn] = useState<number>();
  useEffect(() => {
    if (!live) {
      setOwn(undefined);
      return;
    }
    let over = false;
    const measure = async () => {
      const ms = await answerTime();
      if (over || ms === undefined) return;
      setOwn(ms);
      baton.signal(links).send({ ms, session });
    };
    void measure();
    const timer = setInterval(measure, often);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [baton, session, live]);
  return useMemo(() => {
    const others = new Map<string, number[]>();
    for (const { by, data } of latest.values()) others.set(by, [...(others.get(by) ?? []), data.ms]);
    return { others, own: own === undefined ? [] : [own] };
  }, [latest, own]);
}

async function answerTime(): Promise<number | undefined> {
  const began = performance.now();
  try {
    await fetch('/healthz', { cache: 'no-store' });
    return Math.round(performance.now() - began);
  } catch {
    return undefined;
  }
}

/** Words for milliseconds: what one can do with such a link. */
export function quality(ms: number): { word: string; color: string; icon: typeof IconWifi } {
  if (ms < 80) return { word: 'good', color: 'green', icon: IconWifi };
  if (ms < 250) return { word: 'fair', color: 'yellow', icon: IconWifi2 };
  if (ms < 800) return { word: 'slow', color: 'orange', icon: IconWifi1 };
  return { word: 'very slow', color: 'red', icon: IconWifi0 };
}

/** The link of a person: that of the best of their pages. Nothing until one of them has told. */
export function Quality({ links: all }: { readonly links: readonly number[] }) {
  if (all.length === 0) return null;
  const ms = Math.min(...all);
  const { word, color, icon: Icon } = quality(ms);
  return (
    <Tooltip label={`The hub answers in ${ms} ms: ${word}`}>
      <Group
        gap={4}
        wrap="nowrap"
        style={{ flex: 'none', color: `var(--mantine-color-${color}-light-color)` }}
      >
        <Icon size={15} aria-hidden />
        <Text size="xs" className="numbers" c="dimmed" aria-label={`Link ${word}, ${ms} ms`} role="note">
          {ms} ms
        </Text>
      </Group>
    </Tooltip>
  );
}
