import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { inks } from '../scan/inks.ts';

/** A small line of how a figure went. The figure itself stands above it. */
export function Trend({
  times,
  values,
}: {
  readonly times: readonly number[];
  readonly values: readonly number[];
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const scheme = useComputedColorScheme('light');
  useEffect(() => {
    const into = box.current;
    if (into === null || !document.createElement('canvas').getContext('2d')) return;
    const ink = inks[scheme];
    const size = () => ({ width: into.clientWidth, height: into.clientHeight });
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { show: false },
        padding: [4, 0, 2, 0],
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.15)] } },
        axes: [{ show: false }, { show: false }],
        series: [{}, { stroke: ink.spots, fill: `${ink.spots}22`, width: 1.5, points: { show: false } }],
      },
      [[], []],
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
    plot.current?.setData([[...times], [...values]]);
  }, [times, values]);
  return <div ref={box} style={{ position: 'absolute', inset: 0 }} />;
}
