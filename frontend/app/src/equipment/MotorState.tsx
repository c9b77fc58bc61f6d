import { useValue } from '@baton/react';
import { type Axis, motors } from '../beamline.ts';
import { decimal, symbol } from '../format.ts';
import classes from './Equipment.module.css';

/** Under the name of a motor: its limits, or where it is going, or that it can go no further. */
export function MotorState({ name, axis }: { readonly name: string; readonly axis: Axis }) {
  const motor = useValue(motors, name);
  const state = motor?.state ?? 'idle';
  const limits = `${decimal(axis.min, 0)} … ${decimal(axis.max, 0)} ${symbol(axis.unit)}`;
  return (
    <div className={classes.under} data-state={state}>
      {motor?.state === 'moving' && `moving to ${decimal(motor.target, axis.decimals)}`}
      {motor?.state === 'limit' && 'at its limit'}
      {state === 'idle' && limits}
    </div>
  );
}
