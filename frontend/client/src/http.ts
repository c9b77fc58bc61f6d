/** Signing in and out: the few requests that are not made over the WebSocket. */

import type { You } from './api.js';
import { BatonError } from './error.js';

export interface Credentials {
  readonly space: string;
  readonly user: string;
  readonly password: string;
  /** For whom there is more than one: the refusal 'choose_proposal' names them. */
  readonly proposal?: string;
  /** Ends the login sessions of the same person elsewhere; the refusal 'signed_in_elsewhere' says whether that may be. */
  readonly replace?: boolean;
}

export interface SignedIn {
  readonly session: string;
  readonly space: string;
  /** Of the space, for people. */
  readonly title?: string;
  readonly you: You;
  /** How long the cookie lives, in seconds. */
  readonly cookie_max_age: number;
  /** When the login session began (RFC 3339). */
  readonly since?: string;
  /** The password was given lately: what asks for it with code 'confirm' may be done. */
  readonly confirmed?: boolean;
  /** Where the space wants deliberate input: after so long without any, the login session ends. */
  readonly idle_input_ms?: number;
  /** Those that this person could have signed in for. */
  readonly proposals?: readonly string[];
}

export interface SpaceList {
  readonly title: string;
  readonly spaces: readonly { readonly name: string; readonly title: string }[];
  /** There are more than these; see `everySpace` of @baton/client/session. */
  readonly incomplete?: boolean;
  readonly after?: string;
  /** Where one can sign in elsewhere; `signInAt` of @baton/client/session is the way there. */
  readonly providers?: readonly { readonly name: string; readonly title: string }[];
  /** The demo users, whose password is their name. Only from a hub in development mode. */
  readonly dev_users?: readonly string[];
}

export interface HttpOptions {
  /** Where the hub is; default: where the page came from. */
  readonly url?: string;
}

/**
 * Signs in; the cookie is set by the hub. Rejects with status 401 for a wrong user or password, 429 after too many
 * attempts (`more.retry_after` says for how many seconds), and 409 with a `code`: 'seat_taken', another person is there,
 * whom `more.holder` ({user, name}) and `more.since` name; 'signed_in_elsewhere', the same person is, in the login
 * sessions `more.sessions`, and `more.may` says whether `replace` may end them; 'choose_proposal', one of
 * `more.proposals` has to be named.
 */
export function signIn(credentials: Credentials, options?: HttpOptions): Promise<SignedIn> {
  return ask('POST', 'session', options, credentials) as Promise<SignedIn>;
}

/** Who is signed in here; null for nobody. */
export function whoAmI(options?: HttpOptions): Promise<SignedIn | null> {
  return ask('GET', 'session', options).catch(nobody) as Promise<SignedIn | null>;
}

/** The answer 401 as a value. */
function nobody(err: unknown): null {
  if (err instanceof BatonError && err.status === 401) return null;
  throw err;
}

/** What may be said of the end of a login session. */
export interface EndOptions extends HttpOptions {
  /** Staff end it though the instrument runs; needs a reason, and a password that was given lately. */
  readonly force?: boolean;
  readonly reason?: string;
}

/**
 * Signs out, everywhere this cookie is used. Being signed out already is fine. Rejects with `code` 'busy' while the
 * instrument runs, if the space says so: `more.may_force` says whether `force` may be used. 'confirm': it may, once the
 * password has been given again (`confirm` of @baton/client/session).
 */
export async function signOut(options?: EndOptions): Promise<void> {
  await ask('DELETE', `session${ending(options)}`, options).catch(nobody);
}

/** The spaces of this hub, as many as it tells at once; needs no sign-in. */
export function spaces(options?: HttpOptions): Promise<SpaceList> {
  return ask('GET', 'spaces', options) as Promise<SpaceList>;
}

/** The words about an end as a query. */
export function ending({ force, reason }: EndOptions = {}): string {
  return `?force=${!!force}&reason=${encodeURIComponent(reason ?? '')}`;
}

export async function ask(
  method: string,
  path: string,
  options?: HttpOptions,
  body?: unknown,
): Promise<unknown> {
  let response: Response;
  let json: unknown;
  try {
    response = await fetch(`${options?.url ?? ''}/api/v1/${path}`, {
      method,
      cache: 'no-store',
      ...(body !== undefined && {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    json = await response.json().catch((err: unknown) => {
      // Of a refusal the status is enough. Anything else of which the line has lost the end says nothing.
      if (response.status === 200) throw err;
    });
  } catch {
    throw new BatonError({
      code: 'offline',
      detail: 'The hub cannot be reached. Check the network and try again.',
    });
  }
  if (response.ok) return json;
  throw problem(response, json);
}

/** Turns an RFC 9457 problem document into a BatonError; its further members become `more`. */
function problem({ status, headers }: Response, json: unknown): BatonError {
  // Whatever else answers, a proxy perhaps, has no members that are looked for here.
  const facts = { ...(json as Readonly<Record<string, unknown>> | null) };
  const { code, detail, title, type: _type, status: _status, ...more } = facts;
  const wait = headers.get('Retry-After');
  return new BatonError({
    code: String(code || (status === 401 ? 'signed_out' : 'unavailable')),
    detail: String(detail || title || `The hub answered ${status}.`),
    more: wait ? { ...more, retry_after: +wait } : more,
    status,
  });
}
