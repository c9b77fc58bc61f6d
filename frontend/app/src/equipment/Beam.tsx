import classes from './Equipment.module.css';
import { useEquipment } from './read.ts';

const readings = [
  { key: 'energy', label: 'Energy', decimals: 4 },
  { key: 'resolution', label: 'Resolution', decimals: 2 },
  { key: 'transmission', label: 'Transmission', decimals: 0 },
  { key: 'cryo', label: 'Cryo', decimals: 0 },
] as const;

/** Numbers that the beamline tells of and nobody sets here. */
export function Beam() {
  return (
    <dl className={classes.readings}>
      {readings.map((reading) => (
        <Reading key={reading.key} name={reading.key} label={reading.label} decimals={reading.decimals} />
      ))}
    </dl>
  );
}

function Reading({
  name,
  label,
  decimals,
}: {
  readonly name: (typeof readings)[number]['key'];
  readonly label: string;
  readonly decimals: number;
}) {
  const reading = useEquipment(name);
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {reading === undefined ? '–' : reading.value.toFixed(decimals)}{' '}
        <span className={classes.unit}>{reading?.unit}</span>
      </dd>
    </div>
  );
}
