import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatonError, signIn, signOut, spaces, whoAmI } from '../src/index.js';

let server: Server;
let url: string;
let reply: { status: number; body: unknown; headers?: Record<string, string>; end?: 'cut' };
let asked: { method: string | undefined; path: string | undefined; body: string };

beforeAll(async () => {
  server = createServer(async (request: IncomingMessage, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked = { method: request.method, path: request.url, body };
    const text = reply.body === undefined ? '' : JSON.stringify(reply.body);
    if (reply.end === 'cut') {
      response.writeHead(reply.status, { 'Content-Length': text.length });
      response.write(text.slice(0, -1), () => response.destroy());
    } else response.writeHead(reply.status, reply.headers).end(text);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((closed) => server.close(closed)));

const body = {
  session: 's1',
  space: 'demo',
  you: { user: 'alice', name: 'Alice', roles: ['user'], session: 's1' },
  cookie_max_age: 86400,
};

describe('over HTTP', () => {
  it('signs in', async () => {
    reply = { status: 200, body };
    expect(await signIn({ space: 'demo', user: 'alice', password: 'alice' }, { url })).toEqual(body);
    expect(asked).toMatchObject({ method: 'POST', path: '/api/v1/session' });
    expect(JSON.parse(asked.body)).toEqual({ space: 'demo', user: 'alice', password: 'alice' });
  });

  it('tells who has the seat when a sign-in is refused', async () => {
    const holder = { user: 'bob', name: 'Bob Chen' };
    reply = {
      status: 409,
      body: {
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        code: 'seat_taken',
        detail: 'Bob Chen is here.',
        holder,
        since: 'T',
      },
    };
    const refused = await signIn({ space: 'demo', user: 'alice', password: 'x' }, { url }).catch(
      (err: unknown) => err,
    );
    expect(refused).toBeInstanceOf(BatonError);
    expect(refused).toMatchObject({
      code: 'seat_taken',
      status: 409,
      message: 'Bob Chen is here.',
      more: { holder, since: 'T' },
    });
  });

  it('knows nobody as null, and signs nobody out without an error', async () => {
    reply = { status: 401, body: { code: 'signed_out', detail: 'Sign in first.' } };
    expect(await whoAmI({ url })).toBe(null);
    await signOut({ url });
    expect(asked.method).toBe('DELETE');
  });

  it('signs out', async () => {
    reply = { status: 204, body: undefined };
    await signOut({ url });
  });

  it('takes an answer whose end is lost, or one that is no answer of a hub, for none: nobody is signed out by it', async () => {
    reply = { status: 200, body, end: 'cut' };
    await expect(whoAmI({ url })).rejects.toMatchObject({ code: 'offline' });
    reply = { status: 200, body: undefined }; // such as the page of a network that wants to be paid first
    await expect(whoAmI({ url })).rejects.toMatchObject({ code: 'offline' });
    reply = { status: 401, body: { code: 'signed_out' }, end: 'cut' };
    expect(await whoAmI({ url })).toBe(null);
  });

  it('says how long to wait after too many attempts', async () => {
    reply = { status: 429, body: { code: 'throttled', detail: 'Wait.' }, headers: { 'Retry-After': '17' } };
    const asked = signIn({ space: 'demo', user: 'alice', password: 'x' }, { url });
    await expect(asked).rejects.toMatchObject({ code: 'throttled', more: { retry_after: 17 } });
  });

  it('signs in for a proposal, in the place of another sign-in', async () => {
    reply = { status: 200, body };
    const credentials = { space: 'demo', user: 'alice', password: 'x', proposal: 'mx-1', replace: true };
    await signIn(credentials, { url });
    expect(JSON.parse(asked.body)).toEqual(credentials);
  });

  it('signs out by force, with a reason', async () => {
    reply = { status: 204, body: undefined };
    await signOut({ url, force: true, reason: 'the ring is down & out' });
    expect(asked.path).toBe('/api/v1/session?force=true&reason=the%20ring%20is%20down%20%26%20out');
  });

  it('lists the spaces', async () => {
    reply = { status: 200, body: { title: 'Baton', spaces: [{ name: 'demo', title: 'Demo' }] } };
    expect((await spaces({ url })).spaces).toEqual([{ name: 'demo', title: 'Demo' }]);
  });

  it('says so when there is no hub, or something else than one', async () => {
    await expect(spaces({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'offline', status: 0 });
    reply = { status: 502, body: undefined };
    await expect(whoAmI({ url })).rejects.toMatchObject({
      code: 'unavailable',
      status: 502,
      detail: 'The hub answered 502.',
    });
  });
});
