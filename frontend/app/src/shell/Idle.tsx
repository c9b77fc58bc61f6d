import { active } from '@baton/client/session';
import { useIdle } from '@baton/react';
import { Button, Group, Stack, Text } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { countdown } from '../format.ts';
import { Dialog } from '../parts/Dialog.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useAct } from '../parts/useAct.ts';
import { useNow } from '../parts/useNow.ts';

/**
 * Where a space wants deliberate input: tells the hub of it, and asks "Are you still there?" when the hub says that the
 * login session is about to end without. Watching is no input, so nothing else than a press or a key counts.
 */
export function Idle({ idleInput }: { readonly idleInput: number | undefined }) {
  const idle = useIdle();
  const act = useAct();
  useReport(idleInput);
  return (
    <Dialog opened={idle !== null} title="Are you still there?">
      {idle !== null && (
        <Stack gap="md">
          <Text size="sm">
            Nothing was pressed here for a while. You are signed out in <Left until={idle.until} />, and the
            seat becomes free if you are in control. Signing in again brings you back to where you are.
          </Text>
          <MarkLine mark={act.mark} />
          <Group justify="flex-end">
            <Button
              size="sm"
              data-autofocus
              loading={act.mark?.kind === 'saving'}
              onClick={() => void act.attempt(() => active())}
            >
              I am still here
            </Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  );
}

function Left({ until }: { readonly until: number }) {
  useNow();
  return (
    <b role="timer" aria-label="Time until you are signed out" className="numbers">
      {countdown(until - performance.now())}
    </b>
  );
}

const often = 60_000;

/** Reports presses and keys, at most once a minute, and more often where the time is shorter than that. */
function useReport(idleInput: number | undefined) {
  const reported = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (idleInput === undefined) return;
    const pause = Math.min(often, idleInput / 4);
    const report = () => {
      const now = performance.now();
      if (now - reported.current < pause) return;
      reported.current = now;
      // If it does not arrive, the next press says it again, or the hub asks.
      active().catch(() => {
        reported.current = Number.NEGATIVE_INFINITY;
      });
    };
    for (const event of ['pointerdown', 'keydown'] as const)
      addEventListener(event, report, { capture: true, passive: true });
    return () => {
      for (const event of ['pointerdown', 'keydown'] as const)
        removeEventListener(event, report, { capture: true });
    };
  }, [idleInput]);
}
