import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { inks } from './inks.ts';
import type { Points } from './points.ts';

/** Two lines over the number of the image: how many spots, and how far out they go. */
export function Plot({ points }: { readonly points: Points }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const newest = useRef(points);
  newest.current = points;
  const scheme = useComputedColorScheme('light');
  useEffect(() => {
    const into = box.current;
    // Where nothing can be drawn the numbers above say it.
    if (into === null || !document.createElement('canvas').getContext('2d')) return;
    const size = () => ({ width: into.clientWidth, height: into.clientHeight });
    const made = new uPlot(
      { ...options(inks[scheme], () => newest.current.scan.images), ...size() },
      columns(newest.current),
      into,
    );
    plot.current = made;
    const watching = new ResizeObserver(() => made.setSize(size()));
    watching.observe(into);
    return () => {
      watching.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [scheme]);
  useEffect(() => {
    plot.current?.setData(columns(points));
  }, [points]);
  return <div ref={box} style={{ position: 'absolute', inset: 0 }} />;
}

function columns({ images, spots, resolution }: Points): uPlot.AlignedData {
  return [[...images], [...spots], [...resolution]];
}

type Ink = (typeof inks)[keyof typeof inks];

function options(ink: Ink, images: () => number): Omit<uPlot.Options, 'width' | 'height'> {
  const axis = {
    stroke: ink.words,
    grid: { stroke: ink.grid, width: 1 },
    ticks: { stroke: ink.grid, width: 1, size: 4 },
    font: '11px "Inter Variable", system-ui, sans-serif',
    labelFont: '600 11px "Inter Variable", system-ui, sans-serif',
    labelSize: 18,
  };
  return {
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    padding: [10, 6, 0, 4],
    scales: {
      // The whole collection from the beginning, so that nothing jumps while it fills.
      x: { time: false, range: () => [1, Math.max(2, images())] },
      spots: { range: (_, __, max) => [0, Math.max(10, max * 1.1)] },
      // The finer, the higher: as one wishes it.
      resolution: { dir: -1, range: (_, min, max) => [Math.max(0, min - 0.2), max + 0.2] },
    },
    axes: [
      { ...axis, label: 'Image', size: 30 },
      { ...axis, scale: 'spots', stroke: ink.spots, label: 'Spots', size: 44 },
      {
        ...axis,
        scale: 'resolution',
        side: 1,
        stroke: ink.resolution,
        label: 'Resolution (Å)',
        size: 44,
        grid: { show: false },
        values: (_, ticks, __, ___, step) => ticks.map((tick) => tick.toFixed(step < 0.1 ? 2 : 1)),
      },
    ],
    series: [
      {},
      {
        scale: 'spots',
        stroke: ink.spots,
        fill: `${ink.spots}22`,
        width: 1.6,
        points: { show: false },
      },
      { scale: 'resolution', stroke: ink.resolution, width: 1.2, points: { show: false } },
    ],
  };
}
