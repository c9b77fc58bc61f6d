import { useStatus } from '@baton/react';
import { Group, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { unconfirmed as memory, useMemory } from '../memory/useMemory.ts';
import { type Mark, MarkIcon } from './Mark.tsx';
import classes from './Panel.module.css';

/** Says of what is shown that it may be different by now. */
export const outOfDate: Mark = {
  kind: 'stale',
  detail: 'The connection is lost. What is shown may be out of date.',
};

/** A part of the screen with its name. While the page is not up to date, all of it is marked as stale. */
export function Panel({
  title,
  note,
  actions,
  children,
  area,
  untitled = false,
  unconfirmed = false,
  part,
}: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly area?: string;
  /** By what it is gone to without a mouse, if not by its area; see shell/Skip.tsx. */
  readonly part?: string;
  /** The content tells what it is; the name is for screen readers. */
  readonly untitled?: boolean;
  /** What is shown is what the browser remembers; the hub has not said anything of it yet. */
  readonly unconfirmed?: boolean;
}) {
  const id = useId();
  const remembered = useMemory() !== undefined || unconfirmed;
  const stale = isStale(useStatus()) || unconfirmed;
  return (
    <section
      className={classes.panel}
      aria-labelledby={id}
      data-stale={stale || undefined}
      data-part={part ?? area}
      tabIndex={-1}
      style={area === undefined ? undefined : { gridArea: area }}
    >
      <Group className={classes.head} gap="xs" wrap="nowrap">
        <Title order={2} size="sm" id={id} className={untitled ? 'for-screen-readers' : undefined}>
          {title}
        </Title>
        <Text component="div" size="xs" c="dimmed" truncate>
          {note}
        </Text>
        {stale && <MarkIcon mark={remembered ? memory : outOfDate} />}
        <Group gap={6} ml="auto" wrap="nowrap">
          {actions}
        </Group>
      </Group>
      {children}
    </section>
  );
}

/** Whether what is shown may differ from what is so. Catching up takes a moment and does not count. */
export function isStale(status: ReturnType<typeof useStatus>): boolean {
  return status !== 'live' && status !== 'catching-up';
}
