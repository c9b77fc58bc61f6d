import { useStatus } from '@baton/react';
import { Group } from '@mantine/core';
import { Glance } from '../glance/Glance.tsx';
import { unconfirmed } from '../memory/useMemory.ts';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { isStale, outOfDate } from '../parts/Panel.tsx';
import { useAct } from '../parts/useAct.ts';
import { Actions } from './Actions.tsx';
import classes from './ControlBar.module.css';
import { Notice } from './Notice.tsx';
import { RequestLine } from './RequestLine.tsx';
import { Seat } from './Seat.tsx';
import { StopEverything } from './StopEverything.tsx';
import { useSeat } from './useSeat.ts';

/** Who drives, since when, who asks to, and what this person can do about it. Always on the screen. */
export function ControlBar() {
  const seat = useSeat();
  const act = useAct();
  const stale = isStale(useStatus());
  return (
    <section className={classes.bar} data-seat={seat} data-stale={stale || undefined} aria-label="Control">
      <Group className={classes.row} gap="md">
        <Seat seat={seat} />
        {stale && <MarkIcon mark={seat === 'unknown' ? unconfirmed : outOfDate} />}
        <Glance />
        <Group gap="xs" ml="auto">
          <MarkIcon mark={act.mark?.kind === 'saving' ? act.mark : undefined} />
          <Actions seat={seat} act={act} />
          <StopEverything />
        </Group>
      </Group>
      <MarkLine mark={act.mark} />
      <Notice />
      <RequestLine act={act} />
    </section>
  );
}
