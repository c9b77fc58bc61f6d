/** The HTTP side of a hub that is not there: answers by method and path, and notes what it was asked. */

import type { LoginSession } from '@baton/client/session';

export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** It never answers. */
  readonly silent?: boolean;
}

/** Keyed by what is asked, such as "POST session": one answer, or one after the other with the last repeated. */
export type Answers = Readonly<Record<string, Answer | readonly Answer[]>>;

export interface FakeHub {
  /** "POST session {…}", as asked. */
  readonly asked: string[];
  readonly fetch: typeof fetch;
}

export function fakeHub(answers: Answers): FakeHub {
  const asked: string[] = [];
  const counts = new Map<string, number>();
  const answer = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const path = String(input).replace(/^.*\/api\/v1\//, '');
    const method = init?.method ?? 'GET';
    asked.push([method, path, init?.body].filter(Boolean).join(' '));
    const name = `${method} ${path.replace(/\?.*/, '')}`;
    const found = answers[name];
    if (found === undefined) return new Response(null, { status: 404 });
    const list: readonly Answer[] = Array.isArray(found) ? found : [found];
    const n = counts.get(name) ?? 0;
    counts.set(name, n + 1);
    const { status = 200, body, headers = {}, silent } = list[Math.min(n, list.length - 1)] ?? {};
    if (silent) return new Promise(() => undefined);
    const text = body === undefined || status === 204 ? null : JSON.stringify(body);
    return new Response(text, { status, headers });
  };
  return { asked, fetch: answer };
}

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

export const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0';
export const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';

export function loginSession(change: Partial<LoginSession> = {}): LoginSession {
  return {
    session: 's1',
    user: 'bob',
    name: 'Bob Lindqvist',
    roles: ['user'],
    since: ago(130),
    last_active: ago(2),
    from: '10.21.4.17',
    agent: firefox,
    tabs: 2,
    in_control: false,
    current: false,
    ...change,
  };
}
