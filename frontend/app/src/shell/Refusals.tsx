import { useBaton, useStore } from '@baton/react';
import { Alert, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMemo } from 'react';
import { queue, samples } from '../beamline.ts';
import { clock, said } from '../format.ts';
import { useRefused } from '../memory/useKept.ts';
import { tellChange } from '../memory/words.ts';

/**
 * Says which changes were not made, and why, that show nowhere else: those of a page that is gone, which it had made without
 * the hub, and those of entries of the queue that are not there.
 */
export function Refusals() {
  const baton = useBaton();
  const { refused, dismiss } = useRefused();
  const { values, keys } = useStore(queue);
  const names = useStore(samples).values;
  const lines = useMemo(
    () =>
      refused.map((one) => ({
        id: one.op,
        what: `${tellChange(one, { samples: names, queue: values })}, at ${clock(new Date(one.at).toISOString())}`,
        why: one.refused.detail,
      })),
    [refused, names, values],
  );
  // Those of an earlier page are told by that, in more words.
  const told = refused.flatMap(({ change }) =>
    change.type === 'write' ? Object.keys({ ...change.set, ...change.patch }) : [],
  );
  const lost = [...keys].flatMap(([key, { refused: why }]) =>
    why && !values.has(key) && !told.includes(key) ? [{ key, why: why.detail }] : [],
  );
  if (lines.length + lost.length === 0) return null;
  const [one] = lost;
  const close = () => {
    dismiss();
    for (const [key, { refused: why }] of keys)
      if (why && (!values.has(key) || told.includes(key))) baton.store(queue).dismiss(key);
  };
  return (
    <Alert
      role="alert"
      color="orange"
      icon={<IconAlertTriangle size={20} aria-hidden />}
      title="Not done of what you changed"
      withCloseButton
      closeButtonLabel="Dismiss what was not done"
      onClose={close}
      radius={0}
      py="xs"
      flex="none"
    >
      {lines.map(({ id, what, why }) => (
        <Text key={id} size="sm" style={{ overflowWrap: 'anywhere' }}>
          <b>{what}:</b> {said(why)}
        </Text>
      ))}
      {one && (
        <Text size="sm">
          <b>{lost.length === 1 ? 'An entry of the queue' : `${lost.length} entries of the queue`}:</b>{' '}
          {said(one.why)}
        </Text>
      )}
    </Alert>
  );
}
