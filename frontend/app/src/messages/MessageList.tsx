import type { LogMessage, LogView } from '@baton/client';
import { Button, Skeleton, Stack, Text } from '@mantine/core';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { plural } from '../format.ts';
import classes from './Messages.module.css';

interface Props<T> {
  readonly label: string;
  readonly empty: string;
  readonly view: LogView<T>;
  /** Those of the view to show. */
  readonly messages?: readonly LogMessage<T>[];
  readonly render: (message: LogMessage<T>) => ReactNode;
  /** What comes after the newest. */
  readonly after?: ReactNode;
}

const page = 200;

/** Messages, the newest at the bottom. It stays there while nobody has scrolled up to read. */
export function MessageList<T>({ label, empty, view, messages = view.messages, render, after }: Props<T>) {
  const [shown, setShown] = useState(page);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const newest = messages.at(-1);
  const inside = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const down = () => {
      if (follows.current) box.current?.scrollTo({ top: box.current.scrollHeight });
    };
    down();
    if (inside.current === null || (newest === undefined && !after)) return;
    // Rows that come into sight turn out to be higher than it was thought, and the panel changes its size.
    const watching = new ResizeObserver(down);
    watching.observe(inside.current);
    if (box.current) watching.observe(box.current);
    return () => watching.disconnect();
  }, [newest, after]);
  const hidden = messages.length - shown;
  return (
    <div
      ref={box}
      className={classes.list}
      role="log"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: at }) => {
        follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24;
      }}
    >
      <div ref={inside} className={classes.inside}>
        {!view.ready && messages.length === 0 && !after && <Unknown />}
        {view.gap && (
          <p className={classes.note}>Older messages were missed while the connection was away.</p>
        )}
        {hidden > 0 && (
          <Button variant="subtle" size="compact-xs" onClick={() => setShown(shown + 5 * page)}>
            Show {plural(hidden, 'older message')}
          </Button>
        )}
        {view.ready && messages.length === 0 && !after && (
          <Text size="sm" c="dimmed" p="xs">
            {empty}
          </Text>
        )}
        {messages.slice(-shown).map((message) => (
          <div key={`${message.position}.${message.n}`} className={classes.message}>
            {render(message)}
          </div>
        ))}
        {after}
      </div>
    </div>
  );
}

function Unknown() {
  return (
    <Stack gap={8} py={6} aria-hidden>
      {['62%', '48%', '55%'].map((width) => (
        <Skeleton key={width} h={12} w={width} />
      ))}
    </Stack>
  );
}
