import type { LogMessage, LogView } from '@baton/client';
import { Button, Text } from '@mantine/core';
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
}

const page = 200;

/** Messages, the newest at the bottom. It stays there while nobody has scrolled up to read. */
export function MessageList<T>({ label, empty, view, messages = view.messages, render }: Props<T>) {
  const [shown, setShown] = useState(page);
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const newest = messages.at(-1);
  useLayoutEffect(() => {
    if (follows.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [newest]);
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
      {view.gap && <p className={classes.note}>Older messages were missed while the connection was away.</p>}
      {hidden > 0 && (
        <Button variant="subtle" size="compact-xs" onClick={() => setShown(shown + 5 * page)}>
          Show {plural(hidden, 'older message')}
        </Button>
      )}
      {view.ready && messages.length === 0 && (
        <Text size="sm" c="dimmed" p="xs">
          {empty}
        </Text>
      )}
      {messages.slice(-shown).map((message) => (
        <div key={`${message.position}.${message.n}`} className={classes.message}>
          {render(message)}
        </div>
      ))}
    </div>
  );
}
