import { Alert, Button, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Problem } from './problem.ts';

export function Refusal({
  problem,
  again,
}: {
  readonly problem: Problem;
  readonly again: (() => void) | undefined;
}) {
  return (
    <Alert role="alert" color="red" title={problem.title} icon={<IconAlertTriangle />} mb="md">
      <Text size="sm">{problem.detail}</Text>
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
