import { useBaton, useStatus, useStore } from '@baton/react';
import { Button, Group, NumberInput, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { queue, type Task, type TaskParams } from '../beamline.ts';
import { plural } from '../format.ts';
import { Dialog } from '../parts/Dialog.tsx';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { isStale } from '../parts/Panel.tsx';
import { useAct } from '../parts/useAct.ts';
import { useKeptGuard } from '../parts/useGuard.ts';
import { defaults, inOrder, newKey, orderAtEnd, taskWords } from './entries.ts';

interface Props {
  readonly opened: boolean;
  readonly close: () => void;
  /** Keys of the samples. */
  readonly chosen: readonly string[];
  readonly added: () => void;
}

/** Puts one task for each of the chosen samples at the end of the queue, in one change. */
export function AddTask({ opened, close, ...rest }: Props) {
  return (
    <Dialog opened={opened} close={close} title={`Add ${plural(rest.chosen.length, 'sample')} to the queue`}>
      <Form close={close} {...rest} />
    </Dialog>
  );
}

const fields = [
  { name: 'images', label: 'Images', suffix: '', max: 100_000, decimals: 0 },
  { name: 'range_deg', label: 'Range', suffix: ' °', max: 3600, decimals: 3 },
  { name: 'exposure_s', label: 'Exposure per image', suffix: ' s', max: 600, decimals: 4 },
  { name: 'transmission_pct', label: 'Transmission', suffix: ' %', max: 100, decimals: 1 },
] as const;

function Form({ close, chosen, added }: Omit<Props, 'opened'>) {
  const [task, setTask] = useState<Task>('collection');
  const [params, setParams] = useState<TaskParams>(defaults.collection);
  const { mark, add } = useAdding(chosen, added, close);
  const choose = (next: string) => {
    setTask(next as Task);
    setParams(defaults[next as Task]);
  };
  return (
    <Stack gap="md">
      <SegmentedControl
        fullWidth
        aria-label="Task"
        value={task}
        onChange={choose}
        data={Object.entries(taskWords).map(([value, label]) => ({ value, label }))}
      />
      {task === 'centring' ? (
        <Text size="sm" c="dimmed">
          Mounts each sample and brings it into the beam. No images are taken.
        </Text>
      ) : (
        <Params task={task} params={params} change={setParams} />
      )}
      <MarkLine mark={mark} />
      <Group justify="flex-end" gap="xs">
        <MarkIcon mark={mark?.kind === 'saving' ? mark : undefined} />
        <Button variant="default" size="sm" onClick={close}>
          Cancel
        </Button>
        <GuardedButton size="sm" guard={useKeptGuard()} onClick={() => void add(task, params)}>
          Add {plural(chosen.length, 'entry', 'entries')}
        </GuardedButton>
      </Group>
    </Stack>
  );
}

/** How the task is to be done, in numbers. */
function Params({
  task,
  params,
  change,
}: {
  readonly task: Task;
  readonly params: TaskParams;
  readonly change: (params: TaskParams) => void;
}) {
  return (
    <SimpleGrid cols={2} spacing="sm">
      {fields.map(({ name, label, suffix, max, decimals }) => (
        <NumberInput
          key={name}
          size="sm"
          label={name === 'range_deg' && task === 'characterisation' ? 'Range of each image' : label}
          suffix={suffix}
          min={0}
          max={max}
          decimalScale={decimals}
          value={params[name] ?? ''}
          onChange={(value) => change({ ...params, ...(typeof value === 'number' ? { [name]: value } : {}) })}
        />
      ))}
    </SimpleGrid>
  );
}

/** Adds a task for each of the chosen samples, and closes when they stand in the queue. */
function useAdding(chosen: readonly string[], added: () => void, close: () => void) {
  const baton = useBaton();
  const entries = inOrder(useStore(queue).values);
  const { mark, attempt } = useAct();
  const add = async (task: Task, params: TaskParams) => {
    const set = Object.fromEntries(
      chosen.map((sample, i) => [newKey(), { sample, task, order: orderAtEnd(entries, i), params }]),
    );
    if (await attempt(() => baton.store(queue).write({ set }))) {
      added();
      close();
    } else if (open.current) for (const key of Object.keys(set)) baton.store(queue).dismiss(key);
  };
  const open = useRef(false); // a refusal is told here; else where the queue's are
  useEffect(() => {
    open.current = true;
    return () => {
      open.current = false;
    };
  }, []);
  const stale = isStale(useStatus());
  const waits = mark?.kind === 'saving' && stale;
  useEffect(() => {
    // It stands in the queue, and is sent when the hub is back. A refusal is told then.
    if (!waits) return;
    added();
    close();
  }, [waits, added, close]);
  return { mark, add };
}
