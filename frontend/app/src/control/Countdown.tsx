import { useControl, useStatus, useWelcome } from '@baton/react';
import { RingProgress, Text } from '@mantine/core';
import { countdown } from '../format.ts';
import { useNow } from '../parts/useNow.ts';

/** The time that the operator has left to come back. The hub decides when it is up, so it stops at zero and waits. */
export function Countdown() {
  const { lost } = useControl();
  const grace = useWelcome()?.grace_ms ?? 30_000;
  const status = useStatus();
  useNow();
  if (lost === null) return null;
  const left = Math.max(0, lost.until - performance.now());
  return (
    <RingProgress
      size={44}
      thickness={4}
      roundCaps
      role="timer"
      aria-label="Time until the seat becomes free"
      sections={[{ value: Math.min(100, (left / grace) * 100), color: 'orange' }]}
      label={
        <Text size="xs" ta="center" fw={650} className="numbers">
          {status === 'live' ? countdown(left) : '?'}
        </Text>
      }
    />
  );
}
