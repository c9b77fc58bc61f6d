import { useBaton } from '@baton/react';
import { Box, Text } from '@mantine/core';
import { IconMinus, IconPlus } from '@tabler/icons-react';
import { type Axis, motors, moveMotor } from '../beamline.ts';
import { symbol } from '../format.ts';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { Marked } from '../parts/Mark.tsx';
import { useAct, useCall } from '../parts/useAct.ts';
import { useGuard } from '../parts/useGuard.ts';
import classes from './Equipment.module.css';
import { MotorPosition } from './MotorPosition.tsx';
import { MotorState } from './MotorState.tsx';
import { MotorStop } from './MotorStop.tsx';
import { useNamed } from './read.ts';
import { useHold, useJog } from './useJog.ts';

/** One motor. Only its position and its state are drawn again while it moves, not the row. */
export function MotorRow({ name }: { readonly name: string }) {
  const axis = useNamed('motor/', name);
  const act = useAct();
  const { mark, call } = useCall(moveMotor, act);
  const jog = useJog(name, act.attempt);
  if (axis === undefined) return null;
  const move = (position: number) => void call({ motor: name, position });
  return (
    <Marked mark={mark} mx={-6} px={6}>
      <fieldset className="plain" aria-label={axis.label}>
        <div className={classes.motor}>
          <Box miw={0}>
            <Text size="sm" truncate title={axis.label}>
              {axis.label}
            </Text>
            <MotorState name={name} axis={axis} />
          </Box>
          <MotorPosition name={name} axis={axis} move={move} />
          <StepButton name={name} axis={axis} direction={-1} move={move} jog={jog} />
          <StepButton name={name} axis={axis} direction={1} move={move} jog={jog} />
          <MotorStop name={name} axis={axis} />
        </div>
      </fieldset>
    </Marked>
  );
}

function StepButton({
  name,
  axis,
  direction,
  move,
  jog,
}: {
  readonly name: string;
  readonly axis: Axis;
  readonly direction: 1 | -1;
  readonly move: (position: number) => void;
  readonly jog: (direction: 1 | -1) => () => void;
}) {
  const baton = useBaton();
  const Icon = direction < 0 ? IconMinus : IconPlus;
  const sign = direction < 0 ? '−' : '+';
  const step = () => {
    const motor = baton.store(motors).get().values.get(name);
    if (motor === undefined) return;
    // Several presses add up: a step is taken from where the motor is going.
    const target = nextTarget(motor.target, direction * axis.step, axis);
    if (target !== motor.target) move(target);
  };
  const held = useHold(step, () => jog(direction));
  const guard = useGuard();
  return (
    <GuardedIcon
      label={`Move ${axis.label} by ${sign}${axis.step} ${symbol(axis.unit)}`}
      hint="Hold to keep moving"
      {...(guard.may && held)}
    >
      <Icon size={16} />
    </GuardedIcon>
  );
}

/** The target after a step, within the limits and without the dust of floating-point sums. */
export function nextTarget(from: number, step: number, axis: Axis): number {
  const target = Math.min(axis.max, Math.max(axis.min, from + step));
  return Number(target.toFixed(Math.max(axis.decimals, 6)));
}
