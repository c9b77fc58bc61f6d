import { Button, Text } from '@mantine/core';
import { memo, useId } from 'react';
import type { Placed } from './pucks.ts';
import classes from './Samples.module.css';
import { SampleTile } from './SampleTile.tsx';

interface Props {
  readonly number: number;
  /** Those that are shown. */
  readonly content: readonly Placed[];
  /** Whether all of these are chosen. */
  readonly all: boolean;
  /** Chooses all of these, or none. */
  readonly choose: (keys: readonly string[], chosen: boolean) => void;
}

export const Puck = memo(function Puck({ number, content, all, choose }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={classes.puck}>
      <div className={classes.head}>
        <Text component="h3" id={id} className={classes.heading}>
          Puck {number}
        </Text>
        <Button
          variant="subtle"
          size="compact-xs"
          aria-label={`Choose ${all ? 'none' : 'all'} of puck ${number}`}
          onClick={() =>
            choose(
              content.map(([key]) => key),
              !all,
            )
          }
        >
          {all ? 'None' : 'All'}
        </Button>
      </div>
      <div className={classes.grid}>
        {content.map(([key, sample]) => (
          <SampleTile key={key} place={key} sample={sample} />
        ))}
      </div>
    </section>
  );
});
