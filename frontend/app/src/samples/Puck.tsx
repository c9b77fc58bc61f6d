import { Text } from '@mantine/core';
import { useId } from 'react';
import type { Placed } from './pucks.ts';
import classes from './Samples.module.css';
import { SampleTile } from './SampleTile.tsx';

export function Puck({ number, content }: { readonly number: number; readonly content: readonly Placed[] }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={classes.puck}>
      <Text component="h3" id={id} className={classes.heading}>
        Puck {number}
      </Text>
      <div className={classes.grid}>
        {content.map(([key, sample]) => (
          <SampleTile key={key} place={key} sample={sample} />
        ))}
      </div>
    </section>
  );
}
