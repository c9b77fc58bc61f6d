import { Button, Tooltip } from '@mantine/core';
import { IconPlayerStopFilled } from '@tabler/icons-react';
import { abort } from '../beamline.ts';
import { MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';

/** Stops everything that moves. Never disabled: whoever sees something go wrong may press it. */
export function AbortButton() {
  const stop = useCall(abort);
  return (
    <>
      <MarkLine mark={stop.mark} />
      <Tooltip label="Stops motors, queue and actions. Everybody may.">
        <Button
          color="red.8"
          loading={stop.mark?.kind === 'saving'}
          leftSection={<IconPlayerStopFilled size={16} />}
          onClick={() => void stop.call({})}
        >
          Stop everything
        </Button>
      </Tooltip>
    </>
  );
}
