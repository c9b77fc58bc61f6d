/** A program in Node that is to a hub what a page is: it shows the cookie of a sign-in, and where it comes from. */

import type { ConnectOptions } from '@baton/client';

export type Open = NonNullable<ConnectOptions['open']>;

/** Signs a person in and returns the cookie. */
export async function signedIn(url: string, user: string, space = 'demo'): Promise<string> {
  const response = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ space, user, password: user }),
  });
  const cookie = response.headers.get('set-cookie')?.split(';')[0];
  if (cookie === undefined) throw new Error(`${user} is not signed in: ${await response.text()}`);
  return cookie;
}

/** How a program opens its sockets. Node 20 has them if it is asked with --experimental-websocket; see vitest.config.ts. */
export function withCookie(cookie: string, origin: string): Open {
  return (url, protocol) => {
    // Node's takes more than a list of protocols, which the types of browsers do not know.
    const more = { protocols: [protocol], headers: { cookie, origin } } as unknown as string[];
    return new WebSocket(url, more);
  };
}
