import { useStore } from '@baton/react';
import {
  Checkbox,
  CloseButton,
  ScrollArea,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
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
      title="By name, protein, place (2:05), puck (puck 2) or state (collected)"
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
  const choose = useCallback(
    (keys: readonly string[], wanted: boolean) =>
      setChosen((before) => [...before.filter((key) => !keys.includes(key)), ...(wanted ? keys : [])]),
    [setChosen],
  );
  return (
    <>
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8} {...scroll}>
        {!known && <Unknown />}
        <Checkbox.Group
          value={[...present]}
          onChange={setChosen}
          wrapperProps={{ role: 'group' }}
          aria-label="Samples"
        >
          <Stack gap={8} px="sm" py={6}>
            {ready && pucks.length === 0 && (
              <Text size="sm" c="dimmed" ta="center" py="xl" style={{ overflowWrap: 'anywhere' }}>
                {values.size === 0
                  ? 'The sample changer is empty. Samples show up here as soon as a puck is loaded.'
                  : `No sample matches “${find}”.`}
              </Text>
            )}
            {pucks.map(([puck, content]) => (
              <Puck
                key={puck}
                number={puck}
                content={content}
                all={content.every(([key]) => present.includes(key))}
                choose={choose}
              />
            ))}
          </Stack>
        </Checkbox.Group>
      </ScrollArea>
      <MountBar chosen={present} clear={clear} mounted={mounted} />
    </>
  );
}

function Unknown() {
  return (
    <SimpleGrid cols={4} spacing={4} px="sm" pt={28} aria-hidden>
      {Array.from({ length: 16 }, (_, n) => n).map((n) => (
        <Skeleton key={n} h={36} />
      ))}
    </SimpleGrid>
  );
}
