import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Window } from 'happy-dom';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Socket } from '../src/link.js';
import { ticket, withTicket } from '../src/ticket.js';

let server: Server;
let url: string;
let reply: { status: number; body: unknown };
let asked: string[];
const sockets: Duplex[] = [];

/** A hub as far as tickets go: it gives one out, accepts the socket that has it, says hello and hangs up with 4000. */
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(reply.status).end(JSON.stringify(reply.body));
  });
  server.on('upgrade', (request, socket) => {
    sockets.push(socket);
    asked.push(`socket ${request.url} ${request.headers.authorization ?? 'without'}`);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: baton.v1\r\n\r\n`,
    );
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
    socket.end(Buffer.from([0x88, 2, 4000 >> 8, 4000 & 0xff]));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (!globalThis.WebSocket) vi.stubGlobal('WebSocket', new Window({ url }).WebSocket); // Node 20 has none
});

afterAll(async () => {
  vi.unstubAllGlobals();
  for (const socket of sockets) socket.destroy();
  await new Promise((closed) => server.close(closed));
});

/** What a socket says until it is closed. */
function heard(socket: Socket): Promise<{ messages: unknown[]; code: number }> {
  const messages: unknown[] = [];
  return new Promise((resolve) => {
    socket.onmessage = (event) => messages.push(event.data);
    socket.onclose = (event) => resolve({ messages, code: event.code });
  });
}

const options = (token = 'SECRET') => ({ url, token: () => token });
const open = () => {
  const socket = withTicket(options()).open?.(
    `${url.replace('http', 'ws')}/api/v1/ws?client=page`,
    'baton.v1',
  );
  if (!socket) throw new Error('it opens nothing');
  return socket;
};

describe('a page of another origin', () => {
  it('asks for a ticket with its token', async () => {
    asked = [];
    reply = { status: 201, body: { ticket: 'lab_k1_x', expires_ms: 30_000 } };
    expect(await ticket({ ...options(), space: 'my lab' })).toBe('lab_k1_x');
    expect(asked).toEqual(['POST /api/v1/tickets?space=my%20lab Bearer SECRET']);
  });

  it('is told why it gets none', async () => {
    reply = { status: 401, body: { code: 'signed_out', detail: 'Sign in.' } };
    await expect(ticket(options())).rejects.toMatchObject({ code: 'signed_out', status: 401 });
  });

  it('opens a socket by the ticket, with no token in its address', async () => {
    asked = [];
    reply = { status: 201, body: { ticket: 'lab_k1_x' } };
    expect(await heard(open())).toEqual({ messages: ['hello'], code: 4000 });
    expect(asked[1]).toBe('socket /api/v1/ws?client=page&ticket=lab_k1_x without');
    expect(asked.join('\n').match(/SECRET/g)).toHaveLength(1);
  });

  it('is signed out when its token is not known any more, and only then', async () => {
    reply = { status: 401, body: { code: 'signed_out' } };
    expect((await heard(open())).code).toBe(4401);
    reply = { status: 503, body: null };
    expect((await heard(open())).code).toBe(1006);
    expect(await withTicket(options()).signedIn?.()).toBe(true);
  });
});
