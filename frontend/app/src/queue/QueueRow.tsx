import { useBaton, useValue } from '@baton/react';
import { useSortable } from '@dnd-kit/sortable';
import { Group, Text } from '@mantine/core';
import { IconCheck, IconGripVertical } from '@tabler/icons-react';
import { type QueueEntry, queue, run, samples } from '../beamline.ts';
import { type Mark, Marked, MarkIcon } from '../parts/Mark.tsx';
import { useKeptGuard } from '../parts/useGuard.ts';
import { useKeyMark } from '../parts/useKeyMark.ts';
import { EntryActions } from './EntryActions.tsx';
import { describe, itemState, taskWords } from './entries.ts';
import { ItemProgress } from './ItemProgress.tsx';
import classes from './Queue.module.css';

interface Props {
  readonly id: string;
  readonly entry: QueueEntry;
  readonly place: number;
  readonly running: boolean;
  readonly up: (() => void) | undefined;
  readonly down: (() => void) | undefined;
}

/** One entry: what is to be done with which sample, how far it is, and how to move or delete it. */
export function QueueRow({ id, entry, place, running, up, down }: Props) {
  const baton = useBaton();
  const item = itemState(useValue(run, `item/${id}`));
  const name = useValue(samples, entry.sample)?.name ?? entry.sample;
  const mark = useKeyMark(queue, id);
  const drag = useSortable({ id, disabled: running });
  const guard = useKeptGuard();
  const transform = drag.transform === null ? undefined : `translateY(${drag.transform.y}px)`;
  return (
    <li
      ref={drag.setNodeRef}
      className={classes.row}
      data-state={item?.state}
      data-dragging={drag.isDragging || undefined}
      aria-label={`${place}. ${name}, ${taskWords[entry.task] ?? entry.task}`}
      aria-current={running ? 'step' : undefined}
      style={{ transform, transition: drag.transition }}
    >
      <Marked mark={mark}>
        <div className={classes.line}>
          <button
            type="button"
            {...drag.attributes}
            {...drag.listeners}
            className={classes.grip}
            aria-label={`Drag ${name}`}
            aria-disabled={!guard.may || running}
          >
            <IconGripVertical size={15} aria-hidden />
          </button>
          <span className={classes.place}>{place}</span>
          <Words entry={entry} name={name} done={item?.state === 'done'} mark={mark} />
          <EntryActions
            name={name}
            held={running ? 'It is running.' : undefined}
            up={up}
            down={down}
            remove={() => void baton.store(queue).delete(id).catch(nothing)}
          />
        </div>
        <ItemProgress item={item} />
      </Marked>
    </li>
  );
}

/** What is to be done with which sample, and whether that has been done. */
function Words({
  entry,
  name,
  done,
  mark,
}: {
  readonly entry: QueueEntry;
  readonly name: string;
  readonly done: boolean;
  readonly mark: Mark | undefined;
}) {
  return (
    <div className={classes.text}>
      <Group gap={6} wrap="nowrap">
        <Text span size="sm" fw={done ? 400 : 600} className={classes.name} truncate title={name}>
          {name}
        </Text>
        <Text size="sm" className={classes.task} truncate>
          {taskWords[entry.task] ?? entry.task}
        </Text>
        {done && (
          <Text span size="xs" className={classes.done}>
            <IconCheck size={13} aria-hidden /> done
          </Text>
        )}
        <MarkIcon mark={mark?.kind === 'saving' ? mark : undefined} />
      </Group>
      <Text size="xs" c="dimmed" truncate className="numbers" title={describe(entry)}>
        {entry.sample} · {describe(entry) || 'brings the sample into the beam'}
      </Text>
    </div>
  );
}

function nothing() {}
