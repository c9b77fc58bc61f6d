import { useValue } from '@baton/react';
import { ActionIcon } from '@mantine/core';
import { IconPlayerStopFilled } from '@tabler/icons-react';
import { type Axis, motors, stopMotor } from '../beamline.ts';
import { useCall } from '../parts/useAct.ts';

/** Stops one motor; there while it moves, for everybody. */
export function MotorStop({ name, axis }: { readonly name: string; readonly axis: Axis }) {
  const moving = useValue(motors, name)?.state === 'moving';
  const { call } = useCall(stopMotor);
  if (!moving) return <span />;
  return (
    <ActionIcon
      color="red"
      variant="light"
      aria-label={`Stop ${axis.label}`}
      onClick={() => void call({ motor: name })}
    >
      <IconPlayerStopFilled size={14} />
    </ActionIcon>
  );
}
