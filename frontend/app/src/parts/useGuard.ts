import { useControl, useStatus } from '@baton/react';
import { useMemory } from '../memory/useMemory.ts';

/** Whether this page may change the beamline now; if not, a sentence that says why and what to do. */
export type Guard = { readonly may: true } | { readonly may: false; readonly reason: string };

const allowed: Guard = { may: true };

/** What only the operator may do asks here first. The hub decides; this only tells people beforehand. */
export function useGuard(): Guard {
  const status = useStatus();
  const control = useControl();
  if (status !== 'live')
    return { may: false, reason: 'Not up to date with the beamline. Wait for the connection.' };
  if (control.mine) return allowed;
  if (control.operator === null) return { may: false, reason: 'Nobody is in control. Take the seat first.' };
  return { may: false, reason: `${control.operator.name} is in control. Ask for control.` };
}

/**
 * For changes by the operator of what the hub keeps: without a connection they wait, and are decided when it is back, under
 * the control of now. After a reload without one, nobody can say who is in control; who was may go on, and the hub decides.
 */
export function useKeptGuard(): Guard {
  const memory = useMemory();
  const { mine } = useControl();
  const guard = useGuard();
  if (mine || memory?.mine) return allowed;
  if (memory === undefined) return guard;
  return { may: false, reason: 'You were not in control when this was last up to date. Wait for the hub.' };
}

/** For what every member may do as long as the hub is reached, such as chatting or asking for control. */
export function useConnected(): Guard {
  const status = useStatus();
  if (status === 'live' || status === 'catching-up') return allowed;
  return { may: false, reason: 'No connection to the hub at the moment.' };
}
