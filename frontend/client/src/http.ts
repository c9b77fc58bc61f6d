/** Signing in and out: the few requests that are not made over the WebSocket. */

import type { You } from './api.js';
import { BatonError } from './error.js';

export interface SignedIn {
  readonly session: string;
  readonly space: string;
  /** Of the space, for people. */
  readonly title?: string;
  readonly you: You;
  /** How long the cookie lives, in seconds. */
  readonly cookie_max_age: number;
}

export interface SpaceList {
  readonly title: string;
  readonly spaces: readonly { readonly name: string; readonly title: string }[];
  /** The demo users, whose password is their name. Only from a hub in development mode. */
  readonly dev_users?: readonly string[];
}

export interface HttpOptions {
  /** Where the hub is; default: where the page came from. */
  readonly url?: string;
}

/**
 * Signs in; the cookie is set by the hub. Rejects with `code` 'seat_taken' (status 409) when the site's policy refuses
 * a second login: `more.holder` ({user, name}) and `more.since` say who is there. Status 401: wrong user or password.
 */
export function signIn(
  credentials: { readonly space: string; readonly user: string; readonly password: string },
  options?: HttpOptions,
): Promise<SignedIn> {
  return ask('POST', 'session', options, credentials) as Promise<SignedIn>;
}

/** Who is signed in here; null for nobody. */
export async function whoAmI(options?: HttpOptions): Promise<SignedIn | null> {
  try {
    return (await ask('GET', 'session', options)) as SignedIn;
  } catch (err) {
    if (err instanceof BatonError && err.status === 401) return null;
    throw err;
  }
}

/** Signs out, everywhere this cookie is used. Being signed out already is fine. */
export async function signOut(options?: HttpOptions): Promise<void> {
  try {
    await ask('DELETE', 'session', options);
  } catch (err) {
    if (!(err instanceof BatonError && err.status === 401)) throw err;
  }
}

/** The spaces of this hub; needs no sign-in. */
export function spaces(options?: HttpOptions): Promise<SpaceList> {
  return ask('GET', 'spaces', options) as Promise<SpaceList>;
}

async function ask(method: string, path: string, options?: HttpOptions, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`${options?.url ?? ''}/api/v1/${path}`, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined
        ? {}
        : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new BatonError({
      code: 'offline',
      detail: 'The hub cannot be reached. Check the network and try again.',
    });
  }
  const json: unknown = await response.json().catch(() => null);
  if (response.ok) return json;
  throw problem(response.status, json);
}

/** Turns an RFC 9457 problem document into a BatonError; its further members become `more`. */
function problem(status: number, json: unknown): BatonError {
  const facts: Record<string, unknown> = typeof json === 'object' && json !== null ? { ...json } : {};
  const { code, detail, title, type: _type, status: _status, ...more } = facts;
  const text = [detail, title].find((t) => typeof t === 'string' && t !== '');
  return new BatonError({
    code: typeof code === 'string' && code !== '' ? code : status === 401 ? 'signed_out' : 'unavailable',
    detail: typeof text === 'string' ? text : `The hub answered ${status}.`,
    more,
    status,
  });
}
