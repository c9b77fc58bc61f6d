import { Progress, Text } from '@mantine/core';
import { IconAlertTriangle, IconPlayerPause, IconPlayerPlayFilled } from '@tabler/icons-react';
import type { ItemState } from '../beamline.ts';
import classes from './Queue.module.css';

const icons = {
  running: IconPlayerPlayFilled,
  failed: IconAlertTriangle,
  stopped: IconPlayerPause,
};

/** How far an entry is, or why it ended before its end. */
export function ItemProgress({ item }: { readonly item: ItemState | undefined }) {
  if (item === undefined || item.state === 'done') return null;
  const Icon = icons[item.state];
  const percent = Math.round(item.progress * 100);
  return (
    <div className={classes.progress} data-state={item.state}>
      <Icon size={13} className={classes.how} aria-hidden />
      <Text size="xs" flex={1} className={classes.step} title={item.step}>
        {item.state === 'running' ? item.step : [item.state, item.step].filter(Boolean).join(': ')}
      </Text>
      {item.state === 'running' && (
        <>
          <Text size="xs" fw={600} className="numbers">
            {percent} %
          </Text>
          <Progress value={percent} w="100%" size="sm" aria-label="Progress" transitionDuration={400} />
        </>
      )}
    </div>
  );
}
