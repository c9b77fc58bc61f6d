import type { CommandDef } from '@baton/client';
import { Button, Tooltip } from '@mantine/core';
import { IconPlayerStopFilled } from '@tabler/icons-react';
import { MarkIcon } from './Mark.tsx';
import { useCall } from './useAct.ts';

/** A stop: never disabled, for nobody, whoever is in control. */
export function StopButton<Args>({
  def,
  args,
  label,
}: {
  readonly def: CommandDef<Args, unknown>;
  readonly args: Args;
  readonly label: string;
}) {
  const { mark, call } = useCall(def);
  return (
    <>
      <MarkIcon mark={mark?.kind === 'refused' ? mark : undefined} />
      <Tooltip label="Everybody may stop, whoever is in control.">
        <Button
          size="compact-sm"
          variant="light"
          color="red"
          leftSection={<IconPlayerStopFilled size={14} />}
          onClick={() => void call(args)}
        >
          {label}
        </Button>
      </Tooltip>
    </>
  );
}
