import { Checkbox, Loader, Text } from '@mantine/core';
import { IconCheck, IconCurrentLocation } from '@tabler/icons-react';
import { memo } from 'react';
import type { Sample } from '../beamline.ts';
import classes from './Samples.module.css';

const icons = {
  'in puck': null,
  loading: <Loader size={14} />,
  mounted: <IconCurrentLocation size={16} aria-hidden />,
  collected: <IconCheck size={16} stroke={2.4} aria-hidden />,
};

/** One place of a puck: a box to tick, with the sample's name and what has become of it. */
export const SampleTile = memo(function SampleTile({
  place,
  sample,
}: {
  readonly place: string;
  readonly sample: Sample;
}) {
  return (
    <Checkbox.Card
      value={place}
      className={classes.tile}
      data-state={sample.state}
      aria-label={`${place} ${sample.name}, ${sample.protein}, ${sample.state}`}
      title={`${sample.name}\n${sample.protein}\n${sample.state}`}
    >
      <span className={classes.pin}>{sample.position}</span>
      <span className={classes.text}>
        <Text span size="sm" fw={600} truncate display="block">
          {sample.name}
        </Text>
        <Text span size="xs" c="dimmed" truncate display="block">
          {sample.state === 'in puck' ? sample.protein : sample.state}
        </Text>
      </span>
      {icons[sample.state] !== null && <span className={classes.state}>{icons[sample.state]}</span>}
    </Checkbox.Card>
  );
});
