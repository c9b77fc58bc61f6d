import { BatonError } from '@baton/client';
import { clock, span } from '../format.ts';

/** Why a sign-in was refused, as a person wants to read it. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  /** What to do next. */
  readonly next: string;
}

/** Turns the hub's answer into words. */
export function problem(err: unknown): Problem {
  if (!(err instanceof BatonError)) {
    return { title: 'Something went wrong', detail: String(err), next: 'Reload the page and try again.' };
  }
  if (err.code === 'seat_taken') return seatTaken(err);
  if (err.code === 'offline') {
    return { title: 'The hub cannot be reached', detail: err.detail, next: 'Nobody was signed out by this.' };
  }
  switch (err.status) {
    case 401:
      return {
        title: 'Wrong user name or password',
        detail: 'Nobody with this name and password is known here.',
        next: 'Check both and try again.',
      };
    case 403:
      return {
        title: 'No access',
        detail: err.detail,
        next: 'Ask the staff of the beamline to be given access.',
      };
    case 429:
      return { title: 'Too many attempts', detail: err.detail, next: 'Wait a minute and try again.' };
    case 503:
      return {
        title: 'Nobody can be signed in right now',
        detail: err.detail,
        next: 'Those who are signed in go on working. Try again in a moment.',
      };
    default:
      return {
        title: 'Not signed in',
        detail: err.detail,
        next: 'Try again, or ask the staff of the beamline.',
      };
  }
}

function seatTaken(err: BatonError): Problem {
  const holder = err.more.holder as { name?: string; user?: string } | undefined;
  const since = typeof err.more.since === 'string' ? err.more.since : undefined;
  const name = holder?.name ?? holder?.user ?? 'Somebody else';
  const when = since === undefined ? '' : ` since ${clock(since)} (${span(Date.now() - Date.parse(since))})`;
  return {
    title: `${name} is signed in`,
    detail: `${name} has been signed in${when}. This beamline admits one person at a time.`,
    next: `Ask ${name} to sign out, then try again. ${name} is not disturbed by your attempt.`,
  };
}
