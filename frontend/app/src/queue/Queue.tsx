import { useStore, useValue } from '@baton/react';
import { ScrollArea, Skeleton, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconListCheck, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useMemo } from 'react';
import { queue, run, startQueue, stopQueue } from '../beamline.ts';
import { plural, span } from '../format.ts';
import { useScroll } from '../memory/place.ts';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { Panel } from '../parts/Panel.tsx';
import { StopButton } from '../parts/StopButton.tsx';
import { useCall } from '../parts/useAct.ts';
import { useNow } from '../parts/useNow.ts';
import { ClearDone } from './ClearDone.tsx';
import { inOrder, runState } from './entries.ts';
import classes from './Queue.module.css';
import { QueueList } from './QueueList.tsx';

/** What the beamline is to do next, and what it is doing. */
export function Queue() {
  const { ready, values } = useStore(queue);
  const entries = useMemo(() => inOrder(values), [values]);
  const known = ready || values.size > 0; // by the hub, or by what the browser remembers
  const scroll = useScroll('queue', known);
  const state = runState(useValue(run, 'queue'));
  const start = useCall(startQueue);
  return (
    <Panel
      title="Queue"
      area="queue"
      unconfirmed={known && !ready}
      note={
        state.state === 'idle' ? (
          known && plural(entries.length, 'entry', 'entries')
        ) : (
          <Running
            state={state}
            place={entries.findIndex(([key]) => key === state.item) + 1}
            of={entries.length}
          />
        )
      }
      actions={
        <>
          <ClearDone entries={entries} />
          <GuardedButton
            size="compact-sm"
            leftSection={<IconPlayerPlayFilled size={14} />}
            loading={start.mark?.kind === 'saving'}
            unless={
              state.state !== 'idle'
                ? 'It is running.'
                : entries.length === 0
                  ? 'There is nothing in it.'
                  : undefined
            }
            onClick={() => void start.call({})}
          >
            Start
          </GuardedButton>
          <StopButton def={stopQueue} args={{}} label="Stop" />
        </>
      }
    >
      <MarkLine mark={start.mark} />
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8} {...scroll}>
        {!known && <Unknown />}
        {ready && entries.length === 0 && <Empty />}
        <QueueList entries={entries} />
      </ScrollArea>
    </Panel>
  );
}

/** That it runs, how far and since when; a press shows the entry, which may be far down. */
function Running({ state, place, of }: { state: ReturnType<typeof runState>; place: number; of: number }) {
  const now = useNow();
  const age = state.started && span(now - Date.parse(state.started));
  if (place === 0) return [state.state, age].filter(Boolean).join(' · ');
  const how = state.state === 'running' ? age : state.state;
  return (
    <UnstyledButton
      className={classes.now}
      title="The entry that runs, and since when. Press to see it."
      onClick={() => document.querySelector('[aria-current=step]')?.scrollIntoView({ block: 'center' })}
    >
      {[`${place} of ${of}`, how].filter(Boolean).join(' · ')}
    </UnstyledButton>
  );
}

function Unknown() {
  return (
    <Stack gap="xs" p="sm" aria-hidden>
      {[1, 2, 3, 4].map((n) => (
        <Skeleton key={n} h={38} />
      ))}
    </Stack>
  );
}

function Empty() {
  return (
    <div className={classes.empty}>
      <IconListCheck size={28} stroke={1.4} aria-hidden />
      <Text size="sm">The queue is empty. Choose samples and add them.</Text>
    </div>
  );
}
