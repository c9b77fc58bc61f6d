import { useBaton, useValue } from '@baton/react';
import {
  closestCenter,
  DndContext,
  type DragCancelEvent,
  type DragEndEvent,
  type DragOverEvent,
  type DragStartEvent,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
} from '@dnd-kit/core';
import { SortableContext, sortableKeyboardCoordinates, verticalListSortingStrategy } from '@dnd-kit/sortable';
import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { queue, run, samples } from '../beamline.ts';
import { plural } from '../format.ts';
import { useKeptGuard } from '../parts/useGuard.ts';
import { itemState, type Keyed, orderAt, runState } from './entries.ts';
import classes from './Queue.module.css';
import { QueueRow } from './QueueRow.tsx';

const instructions = {
  draggable:
    'Press the space bar to pick the entry up, the arrow keys to move it, the space bar again to put it down, or Escape to leave it where it was.',
};

/** So many are drawn at once: each can be dragged, moved and deleted, which costs. */
const page = 60;
/** Of what is before the entry that runs, or that is next, so many. */
const before = 3;

/** The entries, to be dragged by pointer or keyboard, or moved by their buttons. */
export function QueueList({ entries }: { readonly entries: readonly Keyed[] }) {
  const running = runState(useValue(run, 'queue')).item;
  const guard = useKeptGuard();
  const keys = useMemo(() => entries.map(([key]) => key), [entries]);
  const work = useValue(run, ({ values }) => next(keys, values));
  const [more, setMore] = useState({ above: 0, below: 0 });
  const [from, to] = part(entries.length, work, more);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 5 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );
  const move = useMove(entries, guard.may);
  const dropped = ({ active, over }: DragEndEvent) => {
    if (over !== null) move(keys.indexOf(String(active.id)), keys.indexOf(String(over.id)));
  };
  const announcements = useAnnouncements(entries, keys);
  return (
    <DndContext
      sensors={sensors}
      collisionDetection={closestCenter}
      onDragEnd={dropped}
      accessibility={{ announcements, screenReaderInstructions: instructions }}
    >
      <SortableContext items={keys} strategy={verticalListSortingStrategy} disabled={!guard.may}>
        {from > 0 && (
          <Further show={() => setMore({ ...more, above: more.above + page })}>
            {plural(from, 'earlier entry', 'earlier entries')}
          </Further>
        )}
        <ol className={classes.list} aria-label="Queue entries" start={from + 1}>
          {entries.slice(from, to).map(([key, entry], n) => {
            const i = from + n;
            return (
              <QueueRow
                key={key}
                id={key}
                entry={entry}
                place={i + 1}
                running={key === running}
                up={i > 0 ? () => move(i, i - 1) : undefined}
                down={i < entries.length - 1 ? () => move(i, i + 1) : undefined}
              />
            );
          })}
        </ol>
        {to < entries.length && (
          <Further show={() => setMore({ ...more, below: more.below + page })}>
            {plural(entries.length - to, 'more entry', 'more entries')}
          </Further>
        )}
      </SortableContext>
    </DndContext>
  );
}

/** Shows more of the entries, before or after those that are drawn. */
function Further({ show, children }: { readonly show: () => void; readonly children: string }) {
  return (
    <Button variant="subtle" size="compact-xs" fullWidth onClick={show}>
      Show {children}
    </Button>
  );
}

/** Moves one of the entries from one place to another, if this person may. */
function useMove(entries: readonly Keyed[], may: boolean) {
  const baton = useBaton();
  return (from: number, to: number) => {
    const entry = entries[from];
    const order = orderAt(entries, from, to);
    if (entry === undefined || order === undefined || !may) return;
    const [key, value] = entry;
    // Only the entry that was seen is moved, if that is not moved by this person already. A refusal shows at the entry.
    const state = baton.store(queue).get().keys.get(key);
    const condition = state === undefined || state.saving ? {} : { if: state.position };
    baton
      .store(queue)
      .set(key, { ...value, order }, condition)
      .catch(() => undefined);
  };
}

/** What who reads by ear is told of an entry that is dragged. */
function useAnnouncements(entries: readonly Keyed[], keys: readonly string[]) {
  const baton = useBaton();
  return useMemo(() => {
    const name = ({ id }: { id: unknown }) => {
      const sample = entries.find(([key]) => key === id)?.[1].sample ?? '';
      return baton.store(samples).get().values.get(sample)?.name ?? sample;
    };
    const place = ({ id }: { id: unknown }) => `place ${keys.indexOf(String(id)) + 1} of ${keys.length}`;
    return {
      onDragStart: ({ active }: DragStartEvent) => `Picked up ${name(active)}, ${place(active)}.`,
      onDragOver: ({ active, over }: DragOverEvent) =>
        over && over.id !== active.id ? `${name(active)}: ${place(over)}.` : undefined,
      onDragEnd: ({ active, over }: DragEndEvent) =>
        over ? `${name(active)} was put to ${place(over)}.` : `${name(active)} stays where it was.`,
      onDragCancel: ({ active }: DragCancelEvent) => `${name(active)} stays where it was.`,
    };
  }, [baton, entries, keys]);
}

/** Where in the queue the work is: the entry that runs, or the first that has not been. */
function next(keys: readonly string[], runs: ReadonlyMap<string, unknown>): number {
  const at = keys.indexOf(runState(runs.get('queue')).item ?? '');
  return at >= 0 ? at : keys.findIndex((key) => itemState(runs.get(`item/${key}`)) === undefined);
}

/** Which entries are drawn: all, or those around the work, and as many more as were asked for. */
export function part(
  length: number,
  work: number,
  more: { readonly above: number; readonly below: number },
): [from: number, to: number] {
  if (length <= page) return [0, length];
  const at = Math.min(Math.max(0, work - before), length - page);
  return [Math.max(0, at - more.above), Math.min(length, at + page + more.below)];
}
