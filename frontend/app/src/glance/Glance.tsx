import { useStore, useValue } from '@baton/react';
import { Progress } from '@mantine/core';
import { IconCircle, IconCircleFilled } from '@tabler/icons-react';
import { useMemo } from 'react';
import { equipment, queue, run, type Shutter, samples } from '../beamline.ts';
import { useNames } from '../equipment/read.ts';
import { useNow } from '../parts/useNow.ts';
import { inOrder, itemState, runState } from '../queue/entries.ts';
import classes from './Glance.module.css';
import { beam, type Glanced, work } from './glance.ts';

const unknown: Glanced = { word: '–', look: 'off', where: '' };

/** The way of the beam; its shutters in that order. */
export const way = ['safety', 'fast'];

/** What one has to see without coming near: whether there is beam on the sample, and how far the queue is. */
export function Glance() {
  return (
    <dl className={classes.glance} aria-label="At a glance">
      <BeamWay />
      <Work />
    </dl>
  );
}

function BeamWay() {
  const names = useNames('shutter/', way);
  const { values } = useStore(equipment);
  const shutters = names.flatMap((name) => (values.get(`shutter/${name}`) as Shutter | undefined) ?? []);
  const found = beam(shutters);
  return <Tile name="Beam" found={found ?? unknown} />;
}

function Work() {
  const now = useNow();
  const { values } = useStore(queue);
  const entries = useMemo(() => inOrder(values), [values]);
  const { ready, values: runs } = useStore(run);
  const state = runState(runs.get('queue'));
  const sample = values.get(state.item ?? '')?.sample ?? '';
  const name = useValue(samples, sample)?.name ?? sample;
  const items = entries.map(([key]) => [key, itemState(runs.get(`item/${key}`))] as const);
  const found = work(state, items, name, now);
  if (!ready) return <Tile name="Queue" found={unknown} />;
  return <Tile name="Queue" found={found} percent={found.percent} />;
}

function Tile({
  name,
  found: { word, look, where },
  percent,
}: {
  readonly name: string;
  readonly found: Glanced;
  readonly percent?: number | undefined;
}) {
  const Icon = look === 'off' ? IconCircle : IconCircleFilled;
  return (
    <div className={classes.tile} data-look={look}>
      <dt>
        {name}
        {where !== '' && <span className={classes.where}> {where}</span>}
      </dt>
      <dd title={word}>
        <Icon size={12} aria-hidden />
        <span className={classes.word}>{word}</span>
      </dd>
      {percent !== undefined && (
        <Progress component="div" value={percent} size={4} className={classes.bar} aria-hidden />
      )}
    </div>
  );
}
