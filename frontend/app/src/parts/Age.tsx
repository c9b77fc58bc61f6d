import { Text, Tooltip } from '@mantine/core';
import { clock, span } from '../format.ts';
import { useNow } from './useNow.ts';

/** "since 10:32 (12 min)". */
export function Since({ at }: { readonly at: string }) {
  const now = useNow();
  return (
    <time dateTime={at}>
      since {clock(at, new Date(now))} ({span(now - Date.parse(at))})
    </time>
  );
}

/** "12 min ago", the time of day on hover. On a coloured ground, in the colour of the words there. */
export function Ago({ at, color = 'dimmed' }: { readonly at: string; readonly color?: string }) {
  const now = useNow();
  return (
    <Tooltip label={clock(at, new Date(now))}>
      <Text component="time" size="xs" c={color} dateTime={at} className="numbers">
        {span(now - Date.parse(at))} ago
      </Text>
    </Tooltip>
  );
}
