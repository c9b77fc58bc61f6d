import { type Answers, chrome, loginSession } from './fakeHub.ts';

const long = 'Maria-Magdalena von Hohenstaufen-Oberkirchner-Villanueva y Gutiérrez de la Concepción';

/** What a hub answers to somebody who is signed in. */
export const inside: Answers = {
  'GET spaces': {
    body: { title: '', spaces: [], providers: [{ name: 'uni', title: 'your institute (eduGAIN)' }] },
  },
  'GET sessions': {
    body: {
      sessions: [
        loginSession({ current: true, in_control: true }),
        loginSession({ session: 's2', agent: chrome, tabs: 0, proposal: 'mx-2451' }),
        loginSession({ session: 's3', user: 'm', name: long, agent: 'python-requests/2.31', tabs: 1 }),
      ],
      after: 's3',
      incomplete: true,
    },
  },
  'DELETE sessions/s2': { status: 204 },
  'POST session/confirm': { status: 401, body: { code: 'wrong_credentials', detail: 'Wrong password.' } },
  'GET spaces/demo/nodes': {
    body: {
      nodes: [
        node('hub-1', { connections: 14, sockets: 14 }),
        node('hub-2', { connections: 11, sockets: 11, answer_ms: 1.4 }),
        node('hub-3', { answered: false, uptime_s: 0, connections: 0 }),
      ],
    },
  },
  'GET spaces/demo/connections': {
    body: {
      connections: [
        connection('K3A', { user: 'alice', name: 'Alice Moreau' }),
        connection('K3B', { user: 'bob', name: 'Bob Lindqvist', node: 'hub-2', answer_ms: 212.4, behind: 3 }),
        connection('K3C', { user: 'sam', name: long, kind: 'sse', answer_ms: undefined }),
        connection('K3D', {
          user: 'service/beamline',
          name: 'beamline',
          roles: ['service'],
          serves: ['motor.move', 'queue.start', 'abort'],
          joined: 7,
          answer_ms: 0.6,
        }),
      ],
      incomplete: false,
    },
  },
  'GET spaces/demo/tokens': {
    body: {
      tokens: [
        token('beamline', {}),
        token('archiver', { scope: ['read:*'], expires: '2027-03-01T12:00:00Z', created_by: 'ada' }),
        token('night script', { kind: 'bearer', user: 'bob', roles: ['user'] }),
      ],
      incomplete: false,
    },
  },
  'POST spaces/demo/tokens': {
    status: 201,
    body: { token: 'baton_demo_x7_MZMBQJ7TKQMFC55JH6LGFNDLWJ', id: 'x7' },
  },
  'GET spaces/demo/tasks': {
    body: {
      tasks: [
        { name: 'nightly', cron: '0 30 3 * * *', runs: runs('checkpoint at 48,211') },
        { name: 'probe', every_ms: 10_000, call: 'beam.probe', on: 'edge', runs: [] },
      ],
    },
  },
  'POST session/active': { status: 204 },
};

const hours = (n: number) => new Date(Date.now() - n * 3_600_000).toISOString();

/** As many and as long as they get. */
const many: Answers = {
  ...inside,
  'GET sessions': {
    body: {
      sessions: Array.from({ length: 50 }, (_, i) =>
        loginSession({
          session: `s${i}`,
          user: `u${i}`,
          name: i % 4 === 0 ? `${long} ${i}` : `Visitor ${i}`,
          current: i === 0,
          in_control: i === 1,
          since: hours(i),
        }),
      ),
      after: 's49',
    },
  },
  'GET spaces/demo/nodes': {
    body: {
      nodes: Array.from({ length: 12 }, (_, i) =>
        node(`hub-${i}.beamlines.synchrotron-of-the-north.example`, {
          connections: 800 * i,
          ...(i === 4 && {
            stale_ms: 21_000,
            missing: ['NATS: no answer for 21 s', `Redis at ${long}: refused`],
          }),
        }),
      ),
    },
  },
  'GET spaces/demo/connections': {
    body: {
      connections: Array.from({ length: 200 }, (_, i) =>
        connection(`K${i}`, {
          user: `u${i}`,
          name: i % 9 === 0 ? `${long} ${i}` : `Visitor ${i}`,
          node: `hub-${i % 3}.beamlines.synchrotron-of-the-north.example`,
          answer_ms: i * 3,
        }),
      ),
      incomplete: true,
    },
  },
  'GET spaces/demo/tokens': {
    body: {
      tokens: Array.from({ length: 40 }, (_, i) =>
        token(i % 5 === 0 ? `${long} ${i}` : `program ${i}`, {
          created_by: i % 5 === 0 ? long : 'ada',
          ended: i % 7 === 3,
          scope: i % 3 === 0 ? ['read:*', 'write:queue', 'call:queue.start'] : undefined,
        }),
      ),
      incomplete: true,
    },
  },
  'GET spaces/demo/tasks': {
    body: {
      tasks: Array.from({ length: 9 }, (_, i) => ({
        name: i === 2 ? long.replaceAll(' ', '-') : `task-${i}`,
        cron: '0 30 3 * * *',
        runs: runs(i === 2 ? `${long} `.repeat(4) : 'done'),
        ...(i === 4 && { trouble: 'no service has offered beam.probe for 2 h' }),
      })),
    },
  },
};

const nothing: Answers = {
  ...inside,
  'GET sessions': { body: { sessions: [] } },
  'GET spaces/demo/nodes': { body: { nodes: [] } },
  'GET spaces/demo/connections': { body: { connections: [], incomplete: false } },
  'GET spaces/demo/tokens': { body: { tokens: [], incomplete: false } },
  'GET spaces/demo/tasks': { body: { tasks: [] } },
};

const down = { status: 503, body: { code: 'unavailable', detail: 'The hub cannot reach its records.' } };
const asked = [
  'sessions',
  'spaces/demo/nodes',
  'spaces/demo/connections',
  'spaces/demo/tokens',
  'spaces/demo/tasks',
];

/** Other answers for who is signed in: dev.html?state=admin&hub=<name>. */
export const insides: Readonly<Record<string, Answers>> = {
  many,
  nothing,
  failing: { ...inside, ...Object.fromEntries(asked.map((path) => [`GET ${path}`, down])) },
  silent: { ...inside, ...Object.fromEntries(asked.map((path) => [`GET ${path}`, { silent: true }])) },
  confirmed: { ...inside, 'POST session/confirm': { status: 204 } },
};

function node(name: string, change: object) {
  return {
    node: name,
    answered: true,
    answer_ms: 0.4,
    version: 'v0.9.1',
    uptime_s: 190_000,
    position: 48_377,
    log_bytes: 2_300_000,
    stale_ms: 0,
    connections: 0,
    sockets: 0,
    limit: 10_000,
    memory_bytes: 61_000_000,
    sent_messages: 81_204,
    goroutines: 214,
    ...change,
  };
}

function connection(id: string, change: object) {
  return {
    connection: id,
    node: 'hub-1',
    kind: 'ws',
    roles: ['user'],
    session: 's',
    since: new Date(Date.now() - 3_000_000).toISOString(),
    answer_ms: 18.2,
    joined: 9,
    behind: 0,
    ...change,
  };
}

function token(name: string, change: object) {
  return {
    id: name,
    prefix: 'baton_demo_x7',
    kind: 'program',
    name,
    user: `service/${name}`,
    roles: ['service'],
    created: '2026-11-02T09:30:00Z',
    ...change,
  };
}

function runs(detail: string) {
  return Array.from({ length: 9 }, (_, i) => ({
    sequence: 9 - i,
    at: new Date(Date.now() - i * 86_400_000).toISOString(),
    node: 'hub-1',
    state: i === 3 ? 'failed' : 'done',
    detail,
    took_ms: 41,
  }));
}
