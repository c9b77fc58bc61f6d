import { useBaton, useValue } from '@baton/react';
import { NumberInput, Tooltip, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { type Axis, motors } from '../beamline.ts';
import { decimal, symbol } from '../format.ts';
import { useGuard } from '../parts/useGuard.ts';
import classes from './Equipment.module.css';

interface Props {
  readonly name: string;
  readonly axis: Axis;
  readonly move: (position: number) => void;
}

/** Where a motor is, live. A press turns it into a field for where it shall go. */
export function MotorPosition(props: Props) {
  const [editing, setEditing] = useState(false);
  const guard = useGuard();
  if (editing && guard.may) return <TargetInput {...props} close={() => setEditing(false)} />;
  return <Shown {...props} edit={() => setEditing(true)} />;
}

function Shown({ name, axis, edit }: Props & { readonly edit: () => void }) {
  const motor = useValue(motors, name);
  const guard = useGuard();
  const at = motor === undefined ? '–' : decimal(motor.position, axis.decimals);
  return (
    <Tooltip label={guard.may ? 'Enter a position' : guard.reason}>
      <UnstyledButton
        className={classes.position}
        data-state={motor?.state}
        aria-label={`${axis.label} position ${at} ${symbol(axis.unit)}`}
        aria-disabled={!guard.may || undefined}
        onClick={guard.may ? edit : undefined}
      >
        {at} <span className={classes.unit}>{symbol(axis.unit)}</span>
        {motor !== undefined && (
          <span className={classes.track} aria-hidden>
            {motor.state === 'moving' && (
              <span className={classes.there} style={{ left: percent(motor.target, axis) }} />
            )}
            <span className={classes.here} style={{ left: percent(motor.position, axis) }} />
          </span>
        )}
      </UnstyledButton>
    </Tooltip>
  );
}

function percent(position: number, axis: Axis): string {
  return `${Math.min(100, Math.max(0, ((position - axis.min) / (axis.max - axis.min)) * 100))}%`;
}

/** Enter moves, Escape and leaving the field do not. */
function TargetInput({ name, axis, move, close }: Props & { readonly close: () => void }) {
  const baton = useBaton();
  // Where it was when the field was opened: a number that is being typed must not run away.
  const [target, setTarget] = useState<number | string>(
    () => baton.store(motors).get().values.get(name)?.position ?? '',
  );
  const inside = typeof target === 'number' && target >= axis.min && target <= axis.max;
  return (
    <NumberInput
      autoFocus
      hideControls
      aria-label={`Move ${axis.label} to`}
      value={target}
      onChange={setTarget}
      decimalScale={axis.decimals}
      error={!inside}
      title={`${axis.min} to ${axis.max} ${axis.unit}`}
      suffix={` ${symbol(axis.unit)}`}
      styles={{ input: { textAlign: 'right', fontVariantNumeric: 'tabular-nums', fontWeight: 600 } }}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={close}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
        if (event.key !== 'Enter' || !inside) return;
        move(target);
        close();
      }}
    />
  );
}
