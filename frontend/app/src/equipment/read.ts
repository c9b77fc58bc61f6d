import { useValue } from '@baton/react';
import { useMemo } from 'react';
import { type Equipment, equipment } from '../beamline.ts';

type Prefix = Extract<keyof Equipment, `${string}/`>;

/** One piece of equipment with a key of its own; undefined until the hub has sent it, or where there is none. */
export function useEquipment<K extends Exclude<keyof Equipment, Prefix>>(key: K): Equipment[K] | undefined {
  return useValue(equipment, key) as Equipment[K] | undefined;
}

/** One of several of a kind: useNamed('shutter/', 'fast'). */
export function useNamed<P extends Prefix>(prefix: P, name: string): Equipment[P] | undefined {
  return useValue(equipment, `${prefix}${name}`) as Equipment[P] | undefined;
}

/** The names of a kind, those of `first` in that order, then the others. Changes only when one comes or goes. */
export function useNames(prefix: Prefix, first: readonly string[] = []): readonly string[] {
  const joined = useValue(equipment, ({ values }) =>
    [...values.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
      .sort((a, b) => rank(a, first) - rank(b, first) || a.localeCompare(b))
      .join('\n'),
  );
  return useMemo(() => (joined === '' ? [] : joined.split('\n')), [joined]);
}

function rank(name: string, first: readonly string[]): number {
  const i = first.indexOf(name);
  return i < 0 ? first.length : i;
}
