import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { active, arrive, confirm, endSession, everySpace, sessions, signInAt } from '../src/session.js';

let server: Server;
let url: string;
let reply: { status: number; body?: unknown };
let asked: string;
let replies: unknown[] = []; // of 200, before `reply`

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked = `${request.method} ${request.url} ${body}`.trim();
    const next = replies.shift();
    if (next !== undefined) {
      response.end(JSON.stringify(next));
      return;
    }
    response.writeHead(reply.status).end(reply.body === undefined ? '' : JSON.stringify(reply.body));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise((closed) => server.close(closed)));

const me = { session: 's1', space: 'demo', you: { user: 'a', name: 'A', roles: [], session: 's1' } };

describe('login sessions over HTTP', () => {
  it('tell who is here, or why nobody is any more', async () => {
    reply = { status: 200, body: me };
    expect(await arrive({ url })).toEqual({ is: 'somebody', me });
    const ended = { how: 'replaced', by: { user: 'a', session: 's2' }, at: 'T' };
    reply = { status: 401, body: { code: 'signed_out', ended } };
    expect(await arrive({ url })).toEqual({ is: 'nobody', ended });
    reply = { status: 401, body: { code: 'signed_out' } };
    expect(await arrive({ url })).toEqual({ is: 'nobody' });
    reply = { status: 503, body: { code: 'unavailable', detail: 'No store.' } };
    await expect(arrive({ url })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('are confirmed by the password, and kept by input', async () => {
    reply = { status: 200, body: me };
    expect(await confirm('secret', { url })).toEqual(me);
    expect(asked).toBe('POST /api/v1/session/confirm {"password":"secret"}');
    reply = { status: 204 };
    await active({ url });
    expect(asked).toBe('POST /api/v1/session/active');
  });

  it('are listed in pages and ended', async () => {
    reply = { status: 200, body: { sessions: [], incomplete: true, after: 's9' } };
    expect(await sessions({ url })).toEqual({ sessions: [], incomplete: true, after: 's9' });
    expect(asked).toBe('GET /api/v1/sessions');
    await sessions({ url, all: true, limit: 20, after: 's9' });
    expect(asked).toBe('GET /api/v1/sessions?all=true&limit=20&after=s9');
    reply = { status: 204 };
    await endSession('s/9', { url, reason: 'left open' });
    expect(asked).toBe('DELETE /api/v1/sessions/s%2F9?force=false&reason=left%20open');
    reply = { status: 409, body: { code: 'busy', detail: 'The queue runs.', may_force: true } };
    await expect(endSession('s9', { url })).rejects.toMatchObject({
      code: 'busy',
      more: { may_force: true },
    });
  });

  it('begin at a space, of which there may be pages', async () => {
    const [a, b] = ['a', 'b'].map((name) => ({ name, title: name.toUpperCase() }));
    replies = [
      { title: 'Site', spaces: [a], incomplete: true, after: 'a' },
      { title: 'Site', spaces: [b], incomplete: false },
    ];
    expect(await everySpace({ url })).toEqual({ title: 'Site', spaces: [a, b], incomplete: false });
    expect(asked).toBe('GET /api/v1/spaces?after=a');
  });

  it('begin at a provider, and come back to where one was', () => {
    expect(signInAt({ provider: 'uni', space: 'demo', back: '/a?b' })).toBe(
      '/api/v1/login/uni?space=demo&return=%2Fa%3Fb',
    );
    expect(
      signInAt({ url, provider: 'uni', space: 'demo', proposal: 'mx-1', replace: true, fresh: true }),
    ).toBe(`${url}/api/v1/login/uni?space=demo&return=%2F&proposal=mx-1&replace=true&fresh=true`);
  });
});
