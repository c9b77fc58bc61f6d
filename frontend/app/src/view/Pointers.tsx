import { useBaton, usePresence, useSignal } from '@baton/react';
import { useEffect, useMemo } from 'react';
import { cursors } from '../beamline.ts';
import classes from './View.module.css';

/** Where the others point, each with their name. */
export function Pointers({ one }: { readonly one: number }) {
  const { latest } = useSignal(cursors);
  const people = usePresence();
  return [...latest].map(([from, { by, data }]) => {
    if (data.h === undefined || data.v === undefined) return null;
    const name = people.find(({ user }) => user === by)?.name ?? by;
    return (
      <g
        key={from}
        className={classes.pointer}
        style={{ transform: `translate(${data.h}px, ${-data.v}px)`, color: colour(by) }}
      >
        <path d={`M0 0L${one * 3.1} ${one * 1.25}L${one * 1.35} ${one * 1.45}L${one * 0.95} ${one * 3.1}Z`} />
        <text x={one * 2.4} y={one * 5.4} fontSize={one * 3} strokeWidth={one * 0.9}>
          {short(name)}
        </text>
      </g>
    );
  });
}

function short(name: string): string {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

const colours = ['#ffd43b', '#ff8fb8', '#8ce99a', '#91b8ff', '#e5a3ff'];

/** The same for a person always. */
function colour(user: string): string {
  let sum = 0;
  for (const letter of user) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return colours[sum % colours.length] ?? '#ffffff';
}

/** How often somebody who points and holds still is told of again: others forget them otherwise. */
const often = 2_000;

/** Tells the others where one points here. */
export function usePointing() {
  const signal = useBaton().signal(cursors);
  const pointing = useMemo(() => {
    let at: { readonly h: number; readonly v: number } | undefined;
    return {
      to: (h: number, v: number) => {
        at = { h: Number(h.toFixed(4)), v: Number(v.toFixed(4)) };
        signal.send(at);
      },
      away: () => {
        if (at !== undefined) signal.send({});
        at = undefined;
      },
      again: () => {
        if (at !== undefined) signal.send(at);
      },
    };
  }, [signal]);
  useEffect(() => {
    const timer = setInterval(pointing.again, often);
    return () => {
      clearInterval(timer);
      pointing.away();
    };
  }, [pointing]);
  return pointing;
}
