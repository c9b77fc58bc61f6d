import { useBaton, useStore } from '@baton/react';
import { IconChecks } from '@tabler/icons-react';
import { queue, run } from '../beamline.ts';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { MarkIcon } from '../parts/Mark.tsx';
import { useAct } from '../parts/useAct.ts';
import { useKeptGuard } from '../parts/useGuard.ts';
import { itemState, type Keyed } from './entries.ts';

/** Takes all entries that are done out of the queue, in one change. */
export function ClearDone({ entries }: { readonly entries: readonly Keyed[] }) {
  const baton = useBaton();
  const runs = useStore(run).values;
  const { mark, attempt } = useAct();
  const done = entries
    .filter(([key]) => itemState(runs.get(`item/${key}`))?.state === 'done')
    .map(([key]) => key);
  return (
    <>
      <MarkIcon mark={mark} />
      <GuardedIcon
        guard={useKeptGuard()}
        label="Clear what is done"
        unless={done.length === 0 ? 'Nothing is done yet.' : undefined}
        onClick={() => void attempt(() => baton.store(queue).write({ delete: done }))}
      >
        <IconChecks size={17} />
      </GuardedIcon>
    </>
  );
}
