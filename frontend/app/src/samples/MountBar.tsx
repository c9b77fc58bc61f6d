import { useValue } from '@baton/react';
import { Button, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconCurrentLocation, IconPlaylistAdd } from '@tabler/icons-react';
import { equipment, mountSample, samples, unmountSample } from '../beamline.ts';
import { useEquipment } from '../equipment/read.ts';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import { useKeptGuard } from '../parts/useGuard.ts';
import { AddTask } from '../queue/AddTask.tsx';
import classes from './Samples.module.css';

/** What can be done with the samples that are chosen, and with the one on the goniometer. */
export function MountBar({
  chosen,
  clear,
  mounted,
}: {
  readonly chosen: readonly string[];
  readonly clear: () => void;
  readonly mounted: () => void;
}) {
  const [opened, dialog] = useDisclosure(false);
  return (
    <>
      <div className={classes.bar}>
        {chosen.length === 0 ? (
          <Mounted />
        ) : (
          <Text size="sm" className={classes.about}>
            {chosen.length} chosen{' '}
            <Button variant="subtle" size="compact-xs" onClick={clear}>
              Clear
            </Button>
          </Text>
        )}
        <Mount chosen={chosen} done={mounted} />
        <GuardedButton
          guard={useKeptGuard()}
          leftSection={<IconPlaylistAdd size={16} />}
          unless={chosen.length === 0 ? 'Choose samples first.' : undefined}
          onClick={dialog.open}
        >
          Add to queue
        </GuardedButton>
      </div>
      <AddTask opened={opened} close={dialog.close} chosen={chosen} added={clear} />
    </>
  );
}

function Mounted() {
  const known = useValue(equipment, ({ ready }) => ready);
  const key = useEquipment('mounted')?.sample ?? '';
  const name = useValue(samples, key)?.name ?? key;
  return (
    <Text size="sm" className={classes.about} truncate title={name}>
      {name === '' ? (
        <Text span c="dimmed" inherit>
          {known && 'No sample mounted'}
        </Text>
      ) : (
        <>
          On the goniometer: <b>{name}</b>
        </>
      )}
    </Text>
  );
}

function Mount({ chosen, done }: { readonly chosen: readonly string[]; readonly done: () => void }) {
  const mounted = useEquipment('mounted')?.sample ?? null;
  const mount = useCall(mountSample);
  const unmount = useCall(unmountSample);
  const [one] = chosen;
  const saving = mount.mark ?? unmount.mark;
  return (
    <>
      <MarkIcon mark={saving?.kind === 'saving' ? saving : undefined} />
      {mounted !== null && (
        <GuardedButton variant="default" onClick={() => void unmount.call({})}>
          Unmount
        </GuardedButton>
      )}
      <GuardedButton
        variant="default"
        leftSection={<IconCurrentLocation size={16} />}
        unless={chosen.length === 1 ? undefined : 'Choose one sample.'}
        onClick={async () => {
          if (one !== undefined && (await mount.call({ sample: one }))) done();
        }}
      >
        Mount
      </GuardedButton>
      <MarkLine mark={mount.mark} />
      <MarkLine mark={unmount.mark} />
    </>
  );
}
