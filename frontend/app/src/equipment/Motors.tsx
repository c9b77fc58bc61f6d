import { Text } from '@mantine/core';
import { MotorRow } from './MotorRow.tsx';
import { useNames } from './read.ts';

/** Rotations first, then translations, then the detector; what is not known here comes last. */
const order = ['omega', 'kappa', 'kappa_phi', 'phix', 'phiy', 'phiz', 'sampx', 'sampy', 'dtox'];

export function Motors() {
  const names = useNames('motor/', order);
  if (names.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No motors yet.
      </Text>
    );
  }
  return names.map((name) => <MotorRow key={name} name={name} />);
}
