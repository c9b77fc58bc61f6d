import { useStore, useValue } from '@baton/react';
import { Badge, Text } from '@mantine/core';
import { IconChartDots3 } from '@tabler/icons-react';
import { lazy, Suspense, useMemo } from 'react';
import { samples, scan } from '../beamline.ts';
import { taskWords } from '../queue/entries.ts';
import { type Points, pointsOf } from './points.ts';
import classes from './Scan.module.css';

const Plot = lazy(async () => ({ default: (await import('./Plot.tsx')).Plot }));

/** What the collection that runs, or the one that ran last, measures: drawn while it is made. */
export function ScanView() {
  const { values } = useStore(scan);
  const points = useMemo(() => pointsOf(values), [values]);
  if (points === undefined) return <None />;
  return (
    <div className={classes.scan}>
      <Readout points={points} />
      <div className={classes.plot} role="img" aria-label={sentence(points)}>
        <Suspense>
          <Plot points={points} />
        </Suspense>
      </div>
    </div>
  );
}

function None() {
  return (
    <div className={classes.none}>
      <IconChartDots3 size={30} stroke={1.4} aria-hidden />
      <Text size="sm">What a collection measures is drawn here while it runs.</Text>
    </div>
  );
}

const looks = {
  running: { color: 'petrol', word: 'running' },
  done: { color: 'green', word: 'done' },
  stopped: { color: 'orange', word: 'stopped' },
} as const;

function Readout({ points: { scan: of, images, spots, resolution } }: { readonly points: Points }) {
  const name = useValue(samples, of.sample)?.name ?? of.sample;
  const look = looks[of.state] ?? looks.stopped;
  return (
    <div className={classes.readout}>
      <Text size="sm" className={classes.what} truncate title={name}>
        <b>{name}</b> <span className={classes.quiet}>{taskWords[of.task]}</span>
      </Text>
      <Badge color={look.color}>{look.word}</Badge>
      <dl className={classes.numbers}>
        <div>
          <dt>Image</dt>
          <dd>
            {images.at(-1) ?? 0}
            <span className={classes.quiet}> / {of.images}</span>
          </dd>
        </div>
        <div data-series="spots">
          <dt>Spots</dt>
          <dd>{spots.at(-1) ?? '–'}</dd>
        </div>
        <div data-series="resolution">
          <dt>Resolution</dt>
          <dd>
            {resolution.at(-1)?.toFixed(2) ?? '–'}
            <span className={classes.quiet}> Å</span>
          </dd>
        </div>
      </dl>
    </div>
  );
}

function sentence({ scan: of, images, spots, resolution }: Points): string {
  const best = resolution.length > 0 ? Math.min(...resolution).toFixed(2) : '–';
  const most = spots.length > 0 ? Math.max(...spots) : '–';
  return `Spots and resolution by image: ${images.length} points up to image ${images.at(-1) ?? 0} of ${of.images}; at most ${most} spots, at best ${best} Å.`;
}
