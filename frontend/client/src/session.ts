/** `@baton/client/session`: looking after login sessions. Only those who import it load it. */

import { BatonError } from './error.js';
import { ask, type EndOptions, ending, type HttpOptions, type SignedIn, type SpaceList } from './http.js';

/** One sign-in: of one browser, in however many tabs. */
export interface LoginSession {
  readonly session: string;
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly proposal?: string;
  /** When it began, and when it was used last (RFC 3339). */
  readonly since: string;
  readonly last_active: string;
  /** The address and the browser of the sign-in, as the browser names itself. */
  readonly from?: string;
  readonly agent?: string;
  /** How many are open. */
  readonly tabs: number;
  readonly in_control: boolean;
  /** It is the one that asks. */
  readonly current: boolean;
}

export interface LoginSessions {
  readonly sessions: readonly LoginSession[];
  /** If it is incomplete: the next page is asked for with this. */
  readonly after?: string;
  readonly incomplete: boolean;
}

/** Why a login session is over. */
export interface Ended {
  /**
   * `signed_out` by the person, `ended` by the person from elsewhere or by an administrator, `replaced` by signing in
   * elsewhere, `idle`: it was not in use, `no_input`: nobody touched anything, `expired`: it had lived its time,
   * `restored`: a backup was put back, `undone`: the sign-in came to nothing.
   */
  readonly how:
    | 'signed_out'
    | 'ended'
    | 'replaced'
    | 'idle'
    | 'no_input'
    | 'expired'
    | 'restored'
    | 'undone'
    | (string & {});
  /** Who did it, if it was not the hub. */
  readonly by?: { readonly user: string; readonly name?: string; readonly session: string };
  readonly reason?: string;
  readonly at: string;
}

/** Somebody, or nobody and, if the hub knows, why not any more. */
export type Presence =
  | { readonly is: 'somebody'; readonly me: SignedIn }
  | { readonly is: 'nobody'; readonly ended?: Ended };

/** Who is signed in here; of a login session that has ended, how it did. */
export async function arrive(options?: HttpOptions): Promise<Presence> {
  try {
    return { is: 'somebody', me: (await ask('GET', 'session', options)) as SignedIn };
  } catch (err) {
    if (!(err instanceof BatonError && err.status === 401)) throw err;
    const ended = err.more.ended as Ended | undefined;
    return { is: 'nobody', ...(ended && { ended }) };
  }
}

/**
 * Gives the password again. For some minutes one may then do what asks for that with code 'confirm': force a take, or a
 * sign-out. Rejects with status 401 for a wrong password, and 429 after too many.
 */
export function confirm(password: string, options?: HttpOptions): Promise<SignedIn> {
  return ask('POST', 'session/confirm', options, { password }) as Promise<SignedIn>;
}

/** Tells the hub of deliberate input, which keeps a login session where the space has `idle_input`. */
export async function active(options?: HttpOptions): Promise<void> {
  await ask('POST', 'session/active', options);
}

/** The spaces of this hub, page after page. */
export async function everySpace(options?: HttpOptions): Promise<SpaceList> {
  let list = (await ask('GET', 'spaces', options)) as SpaceList;
  while (list.incomplete && list.after) {
    const query = new URLSearchParams({ after: list.after });
    const { spaces, ...rest } = (await ask('GET', `spaces?${query}`, options)) as SpaceList;
    const { after: _, ...before } = list;
    list = { ...before, ...rest, spaces: [...list.spaces, ...spaces] };
  }
  return list;
}

export interface SessionsOptions extends HttpOptions {
  /** Everybody's, for admins; default: one's own. */
  readonly all?: boolean;
  readonly limit?: number;
  /** Where the page before ended. */
  readonly after?: string;
}

/** The login sessions of this space, a page of them. */
export function sessions(options: SessionsOptions = {}): Promise<LoginSessions> {
  const { all, limit, after } = options;
  const query = new URLSearchParams({
    ...(all && { all: 'true' }),
    ...(limit !== undefined && { limit: String(limit) }),
    ...(after !== undefined && { after }),
  });
  return ask('GET', `sessions?${query}`, options) as Promise<LoginSessions>;
}

/** Ends a login session: its tabs are closed when this resolves. Rejects as `signOut` does. */
export async function endSession(session: string, options?: EndOptions): Promise<void> {
  await ask('DELETE', `sessions/${encodeURIComponent(session)}${ending(options)}`, options);
}

export interface SignInAt extends HttpOptions {
  readonly provider: string;
  readonly space: string;
  readonly proposal?: string;
  readonly replace?: boolean;
  /** The other site asks for the password though it may know who it is: as `confirm` does, for who has none here. */
  readonly fresh?: boolean;
  /** The path of this site to come back to; refusals come back to it too, as ?login=<code>. */
  readonly back?: string;
}

/** Where a page goes to sign in by a provider of {@link SpaceList}. */
export function signInAt(at: SignInAt): string {
  const { url = '', provider, space, proposal, replace, fresh, back = '/' } = at;
  const query = new URLSearchParams({
    space,
    return: back,
    ...(proposal !== undefined && { proposal }),
    ...(replace && { replace: 'true' }),
    ...(fresh && { fresh: 'true' }),
  });
  return `${url}/api/v1/login/${encodeURIComponent(provider)}?${query}`;
}
