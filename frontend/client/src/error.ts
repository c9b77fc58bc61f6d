import type { Refused } from './api.js';

/** The words that programs branch on. The hub's own, then those of this client, then what the HTTP API adds. */
export type Code =
  | 'invalid'
  | 'unknown_name'
  | 'forbidden'
  | 'signed_out'
  | 'not_operator'
  | 'old_term'
  | 'no_term'
  | 'conflict'
  | 'op_reused'
  | 'too_large'
  | 'seat_taken'
  | 'busy' // the instrument runs, and this must not be done meanwhile
  | 'overloaded' // too much waits already
  | 'signed_in_elsewhere'
  | 'choose_proposal'
  | 'confirm' // the password has to be given again
  | 'throttled'
  | 'no_service'
  | 'control'
  | 'unknown'
  | 'unavailable'
  | 'stale'
  | 'storage'
  | 'schema' // the value is not as the space's rules say; more.path says where
  | 'locked' // another client holds a lock that it needs; more.holder says who
  | 'bad_frame'
  | 'rate'
  | 'unanswered'
  | 'cancelled' // a call was given up before it was done
  | 'failed' // a command ended with an error of its service
  | 'withdrawn' // was not sent, and will not be: no connection in time, or a stop was given after it
  | 'closed' // the connection was closed by the page
  | 'offline' // no answer over HTTP
  | (string & {}); // later hubs may know more

/** The present value of a key that a conditional write did not find as it wished. */
export interface CurrentValue {
  readonly value: unknown;
  readonly position: number;
  readonly by: string;
  readonly at: string;
}

export interface BatonErrorInit {
  readonly code: Code;
  /** A sentence for a person. */
  readonly detail: string;
  /** For `conflict`: what there is now, null = no such key. */
  readonly current?: Readonly<Record<string, CurrentValue | null>> | undefined;
  /** Further named facts, such as the holder of a seat. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
  /** The HTTP status, for errors of the HTTP API; 0 otherwise. */
  readonly status?: number | undefined;
}

/** A refusal, or an outcome that could not be had. `message` is the sentence for a person. */
export class BatonError extends Error {
  override readonly name = 'BatonError';
  declare readonly code: Code;
  declare readonly detail: string;
  declare readonly current: Readonly<Record<string, CurrentValue | null>>;
  declare readonly more: Readonly<Record<string, unknown>>;
  declare readonly status: number;

  constructor({ code, detail, current = {}, more = {}, status = 0 }: BatonErrorInit) {
    super(detail);
    Object.assign(this, { code, detail, current, more, status });
  }
}

/** What the views tell of a refusal. */
export function refusal({ code, detail, more }: BatonErrorInit): Refused {
  return { code, detail, ...(more?.path !== undefined && { path: String(more.path) }) };
}

/** Not decided: the same operation, sent again later, gets its answer. Every other code is final. */
export const retryable: ReadonlySet<Code> = new Set([
  'unknown',
  'unavailable',
  'stale',
  'overloaded',
  'rate', // of the connection: too many requests
  'unanswered', // of the connection: too many that wait
]);
