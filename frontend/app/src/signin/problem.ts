import { BatonError } from '@baton/client';
import type { Ended } from '@baton/client/session';
import { clock, span } from '../format.ts';

/** Why a sign-in was refused, as a person wants to read it. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  /** What to do next. */
  readonly next: string;
  /** Nothing can be done until then, in milliseconds since 1970. */
  readonly until?: number;
}

/** Turns the hub's answer into words. */
export function problem(err: unknown, now = Date.now()): Problem {
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
      return throttled(err, now);
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

function throttled(err: BatonError, now: number): Problem {
  const seconds = Number(err.more.retry_after);
  const title = 'Too many attempts';
  if (!(seconds > 0)) return { title, detail: err.detail, next: 'Wait a minute and try again.' };
  return {
    title,
    detail: err.detail,
    next: 'Wait until the time is up, then try again.',
    until: now + seconds * 1000,
  };
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

/** What the page's address says: which space is meant, and after a sign-in at another site how that was refused. */
export interface Returned {
  readonly space?: string;
  readonly code?: string;
  /** With code 'choose_proposal'. */
  readonly proposals: readonly string[];
}

export function returned(search: string): Returned {
  const query = new URLSearchParams(search);
  const [space, code] = [query.get('space'), query.get('login')];
  return { ...(space && { space }), ...(code && { code }), proposals: query.getAll('proposal') };
}

/** The refusal of a sign-in at another site in words. */
export function refusedThere(code: string): Problem {
  switch (code) {
    case 'seat_taken':
      return {
        title: 'Somebody else is signed in',
        detail: 'This beamline admits one person at a time.',
        next: 'Ask them to sign out, then try again. They are not disturbed by your attempt.',
      };
    case 'signed_in_elsewhere':
      return {
        title: 'You are signed in elsewhere',
        detail: 'This beamline admits one sign-in of a person at a time.',
        next: 'Sign in again to close the other one, or sign out there.',
      };
    case 'choose_proposal':
      return {
        title: 'Choose a proposal',
        detail: 'You belong to more than one, and a sign-in is for one of them.',
        next: 'Name the proposal, and sign in again.',
      };
    case 'forbidden':
      return {
        title: 'No access',
        detail: 'You have no role here, or the proposal is not yours.',
        next: 'Ask the staff of the beamline to be given access.',
      };
    case 'throttled':
      return {
        title: 'Too many attempts',
        detail: 'There were too many sign-ins.',
        next: 'Wait a minute and try again.',
      };
    case 'login_expired':
      return {
        title: 'It took too long',
        detail: 'The sign-in was begun too long ago, or in another browser.',
        next: 'Begin again.',
      };
    case 'unavailable':
      return {
        title: 'Nobody can be signed in right now',
        detail: 'The hub cannot reach its records, or the other site.',
        next: 'Those who are signed in go on working. Try again in a moment.',
      };
    default:
      return {
        title: 'Not signed in',
        detail: `The sign-in at the other site did not come to its end (${code}).`,
        next: 'Try again, or ask the staff of the beamline.',
      };
  }
}

/** Why somebody is at the door again; `reason` is what the hub said when it closed the connection. */
export function notice(reason: string): string {
  const said = reason.trim().replace(/\.$/, '');
  return said === '' || said === 'signed out' ? 'You were signed out.' : `You were signed out: ${said}.`;
}

/** The same from what the hub knows of a login session that has ended. */
export function ended({ how, by, reason, at }: Ended): string {
  const when = at ? ` at ${clock(at)}` : '';
  const why = reason ? `: ${reason.replace(/\.$/, '')}.` : '.';
  switch (how) {
    case 'idle':
    case 'expired':
      return `Your sign-in has expired${when}. Sign in to go on where you were.`;
    case 'no_input':
      return `Nobody touched anything for too long, so you were signed out${when}. Sign in to go on where you were.`;
    case 'replaced':
      return `You signed in elsewhere${when}, and this sign-in was closed${why}`;
    case 'signed_out':
      return `You signed out${when}${why}`;
    default:
      return by
        ? `${by.name ?? by.user} ended your sign-in${when}${why}`
        : `You were signed out${when}${why}`;
  }
}
