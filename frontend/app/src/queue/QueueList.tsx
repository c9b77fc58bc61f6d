import { useBaton, useValue } from '@baton/react';
import {
  closestCenter,
  DndContext,
  type DragEndEvent,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
} from '@dnd-kit/core';
import { SortableContext, sortableKeyboardCoordinates, verticalListSortingStrategy } from '@dnd-kit/sortable';
import { useMemo } from 'react';
import { queue, run } from '../beamline.ts';
import { useGuard } from '../parts/useGuard.ts';
import { type Keyed, orderAt, runState } from './entries.ts';
import classes from './Queue.module.css';
import { QueueRow } from './QueueRow.tsx';

/** The entries, to be dragged by pointer or keyboard, or moved by their buttons. */
export function QueueList({ entries }: { readonly entries: readonly Keyed[] }) {
  const baton = useBaton();
  const running = runState(useValue(run, 'queue')).item;
  const guard = useGuard();
  const keys = useMemo(() => entries.map(([key]) => key), [entries]);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 5 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );
  const move = (from: number, to: number) => {
    const entry = entries[from];
    const order = orderAt(entries, from, to);
    if (entry === undefined || order === undefined || !guard.may) return;
    const [key, value] = entry;
    // Only the entry that was seen is moved. A refusal shows at the entry.
    const position = baton.store(queue).get().keys.get(key)?.position;
    const condition = position === undefined ? {} : { if: position };
    baton
      .store(queue)
      .set(key, { ...value, order }, condition)
      .catch(() => undefined);
  };
  const dropped = ({ active, over }: DragEndEvent) => {
    if (over !== null) move(keys.indexOf(String(active.id)), keys.indexOf(String(over.id)));
  };
  return (
    <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={dropped}>
      <SortableContext items={keys} strategy={verticalListSortingStrategy} disabled={!guard.may}>
        <ol className={classes.list} aria-label="Queue entries">
          {entries.map(([key, entry], i) => (
            <QueueRow
              key={key}
              id={key}
              entry={entry}
              place={i + 1}
              running={key === running}
              up={i > 0 ? () => move(i, i - 1) : undefined}
              down={i < entries.length - 1 ? () => move(i, i + 1) : undefined}
            />
          ))}
        </ol>
      </SortableContext>
    </DndContext>
  );
}
