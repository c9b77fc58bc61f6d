import { useStore } from '@baton/react';
import { Checkbox, CloseButton, ScrollArea, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type Dispatch, type SetStateAction, useCallback, useMemo } from 'react';
import { samples } from '../beamline.ts';
import { useScroll } from '../memory/place.ts';
import { MountBar } from './MountBar.tsx';
import { Puck } from './Puck.tsx';
import { byPuck, matching } from './pucks.ts';

export function FindSample({ find: [find, setFind] }: { readonly find: [string, (text: string) => void] }) {
  return (
    <TextInput
      aria-label="Find a sample"
      placeholder="Find"
      w={130}
      leftSection={<IconSearch size={14} />}
      value={find}
      onChange={(event) => setFind(event.currentTarget.value)}
      rightSection={
        find === '' ? null : <CloseButton size="xs" aria-label="Clear" onClick={() => setFind('')} />
      }
    />
  );
}

interface Props {
  readonly chosen: [readonly string[], Dispatch<SetStateAction<readonly string[]>>];
  /** Only what matches this text is shown. */
  readonly find: string;
  /** A sample was asked to be mounted from here. */
  readonly mounted: () => void;
}

/** The samples in the sample changer, puck by puck. Some are chosen here to be mounted or put into the queue. */
export function SampleList({ chosen: [chosen, setChosen], find, mounted }: Props) {
  const { ready, values } = useStore(samples);
  const known = ready || values.size > 0; // by the hub, or by what the browser remembers
  const scroll = useScroll('samples', known);
  const pucks = useMemo(() => byPuck(matching(values, find)), [values, find]);
  // A sample that was taken out of the changer cannot be chosen any more.
  const present = useMemo(() => chosen.filter((key) => values.has(key)), [chosen, values]);
  const clear = useCallback(() => setChosen([]), [setChosen]);
  return (
    <>
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8} {...scroll}>
        <Checkbox.Group value={[...present]} onChange={setChosen} aria-label="Samples">
          <Stack gap={8} px="sm" py={6}>
            {!known && <Skeleton h={220} />}
            {ready && pucks.length === 0 && (
              <Text size="sm" c="dimmed" ta="center" py="xl">
                {values.size === 0 ? 'The sample changer is empty.' : `No sample matches “${find}”.`}
              </Text>
            )}
            {pucks.map(([puck, content]) => (
              <Puck key={puck} number={puck} content={content} />
            ))}
          </Stack>
        </Checkbox.Group>
      </ScrollArea>
      <MountBar chosen={present} clear={clear} mounted={mounted} />
    </>
  );
}
