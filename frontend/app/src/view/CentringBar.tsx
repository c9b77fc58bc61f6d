import { useValue } from '@baton/react';
import { Loader, Text } from '@mantine/core';
import { IconFocusCentered } from '@tabler/icons-react';
import { type Centring, cancelCentring, samples, startCentring } from '../beamline.ts';
import { useEquipment } from '../equipment/read.ts';
import { decimal } from '../format.ts';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import { useGuard } from '../parts/useGuard.ts';
import { usePose } from './Picture.tsx';
import classes from './View.module.css';

/** Under the picture: which sample it is, and how far its centring has come. */
export function CentringBar() {
  const centring = useEquipment('centring');
  const mounted = useEquipment('mounted')?.sample ?? null;
  const start = useCall(startCentring);
  const cancel = useCall(cancelCentring);
  const running = centring !== undefined && centring.state !== 'idle';
  return (
    <>
      <MarkLine mark={start.mark} />
      <MarkLine mark={cancel.mark} />
      <div className={classes.bar}>
        {running ? <Progress centring={centring} /> : <Sample />}
        {running ? (
          <GuardedButton variant="default" onClick={() => void cancel.call({})}>
            Cancel centring
          </GuardedButton>
        ) : (
          <GuardedButton
            leftSection={<IconFocusCentered size={16} />}
            loading={start.mark?.kind === 'saving'}
            unless={mounted === null ? 'No sample is mounted.' : undefined}
            onClick={() => void start.call({})}
          >
            Centre by clicks
          </GuardedButton>
        )}
      </div>
    </>
  );
}

function Sample() {
  const key = useEquipment('mounted')?.sample ?? '';
  const sample = useValue(samples, key);
  const pose = usePose();
  return (
    <Text size="sm" className={classes.about} truncate>
      {key !== '' && (
        <>
          <b>{sample?.name ?? key}</b> <span className={classes.quiet}>{sample?.protein}</span>
        </>
      )}
      {pose !== undefined && (
        <span className={classes.quiet}>
          {key !== '' && ' · '}ω {decimal(pose.omega, 1)}°
        </span>
      )}
    </Text>
  );
}

function Progress({ centring: { state, clicks, of } }: { readonly centring: Centring }) {
  const guard = useGuard();
  const next = clicks.length + 1;
  const words = {
    idle: '',
    click: guard.may
      ? `Click on the middle of the crystal (${next} of ${of})`
      : `Waits for click ${next} of ${of}`,
    turning: `Turning to the next side (${clicks.length} of ${of} clicked)`,
    moving: 'Moving the crystal into the beam',
  }[state];
  return (
    <Text size="sm" fw={600} className={classes.about} role="status">
      {state !== 'click' && <Loader size={13} mr={8} aria-hidden style={{ verticalAlign: -2 }} />}
      {words}
    </Text>
  );
}
