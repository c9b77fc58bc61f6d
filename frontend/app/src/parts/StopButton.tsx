import type { CommandDef } from '@baton/client';
import { useStatus } from '@baton/react';
import { Button, Text, Tooltip } from '@mantine/core';
import { IconPlayerStopFilled } from '@tabler/icons-react';
import { MarkIcon } from './Mark.tsx';
import { useCall } from './useAct.ts';

interface Props<Args> {
  readonly def: CommandDef<Args, unknown>;
  readonly args: Args;
  readonly label: string;
  /** The one that stops everything. */
  readonly prominent?: boolean;
}

/**
 * A stop: never disabled, for nobody, whoever is in control, and it can be pressed again while it is on its way. A stop
 * that could not be sent says so at once: somebody may have to stop things by other means.
 */
export function StopButton<Args>({ def, args, label, prominent = false }: Props<Args>) {
  const connected = useStatus() !== 'connecting';
  const { mark, call } = useCall(def);
  return (
    <>
      {mark?.kind === 'saving' && !connected ? (
        <Text size="xs" fw={600} c="red" role="alert">
          Not sent: no connection
        </Text>
      ) : (
        <MarkIcon mark={mark} />
      )}
      <Tooltip label="Everybody may stop, whoever is in control.">
        <Button
          size={prominent ? 'xs' : 'compact-sm'}
          variant={prominent ? 'filled' : 'light'}
          color={prominent ? 'red.8' : 'red'}
          leftSection={<IconPlayerStopFilled size={prominent ? 16 : 14} />}
          onClick={() => void call(args)}
        >
          {label}
        </Button>
      </Tooltip>
    </>
  );
}
