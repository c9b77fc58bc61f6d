import { Group, Loader } from '@mantine/core';
import { runAction } from '../beamline.ts';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import { useNamed, useNames } from './read.ts';

/** What the beamline can be told to do by name. */
export function Actions() {
  const names = useNames('actions/');
  const { mark, call } = useCall(runAction);
  return (
    <>
      <Group gap={6}>
        {names.map((name) => (
          <ActionButton key={name} name={name} start={() => void call({ action: name })} />
        ))}
      </Group>
      <MarkLine mark={mark} />
    </>
  );
}

function ActionButton({ name, start }: { readonly name: string; readonly start: () => void }) {
  const action = useNamed('actions/', name);
  if (action === undefined) return null;
  const running = action.state === 'running';
  return (
    <GuardedButton
      variant="default"
      size="compact-sm"
      leftSection={running && <Loader size={12} color="gray" aria-hidden />}
      unless={running ? 'It is running.' : undefined}
      onClick={start}
    >
      {action.label}
    </GuardedButton>
  );
}
