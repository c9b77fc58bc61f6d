import { Alert, Button, Text } from '@mantine/core';
import { IconAlertTriangle, IconClock } from '@tabler/icons-react';
import { countdown } from '../format.ts';
import { useNow } from '../parts/useNow.ts';
import type { Problem } from './problem.ts';

export function Refusal({
  problem,
  again,
}: {
  readonly problem: Problem;
  readonly again: (() => void) | undefined;
}) {
  return (
    <Alert
      role="alert"
      color={problem.until === undefined ? 'red' : 'orange'}
      title={problem.title}
      icon={problem.until === undefined ? <IconAlertTriangle /> : <IconClock />}
      mb="md"
    >
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {problem.detail}
      </Text>
      <Text size="sm" mt={6} fw={600}>
        {problem.next}
      </Text>
      {again !== undefined && (
        <Button variant="default" mt="sm" onClick={again}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** The word on the button that has to wait, with the time that is left. Nothing once it is over. */
export function useWait(until: number | undefined): string | undefined {
  const now = useNow();
  const left = until === undefined ? 0 : until - now;
  return left > 0 ? `Try again in ${countdown(left)}` : undefined;
}
