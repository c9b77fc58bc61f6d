import { Progress, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconPlayerPause, IconPlayerPlayFilled } from '@tabler/icons-react';
import type { ItemState } from '../beamline.ts';
import classes from './Queue.module.css';

const icons = {
  running: IconPlayerPlayFilled,
  done: IconCheck,
  failed: IconAlertTriangle,
  stopped: IconPlayerPause,
};

/** How far an entry is, or how it ended. Nothing for one that still waits. */
export function ItemProgress({ item }: { readonly item: ItemState | undefined }) {
  if (item === undefined) return null;
  const Icon = icons[item.state];
  const percent = Math.round(item.progress * 100);
  return (
    <div className={classes.progress} data-state={item.state}>
      <Icon size={13} aria-hidden />
      <Text size="xs" truncate flex={1} title={item.step}>
        {item.state === 'running' ? item.step : [item.state, item.step].filter(Boolean).join(': ')}
      </Text>
      {item.state === 'running' && (
        <>
          <Progress value={percent} w="34%" size="sm" aria-label="Progress" transitionDuration={400} />
          <Text size="xs" w={34} ta="right" className="numbers">
            {percent} %
          </Text>
        </>
      )}
    </div>
  );
}
