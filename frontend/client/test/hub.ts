/**
 * A hub in a few lines, for tests: sockets that the test cuts, and one store per name that decides as the real hub does
 * (operation ids, compare-and-set, terms, one order). Nothing moves but when the test says so.
 */

export type Request = {
  readonly type: string;
  readonly id: number;
  readonly op?: string;
  readonly channel?: string;
  readonly cursor?: string;
  readonly set?: Record<string, unknown>;
  readonly delete?: string[];
  /** The model knows only those that replace the value. */
  readonly patch?: Record<string, number>;
  readonly if?: Record<string, number>;
  readonly term?: number;
  readonly command?: string;
  readonly seen?: string;
  readonly again?: boolean;
};

/** The hub's end of a socket, and the page's. */
export class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  state: 'opening' | 'open' | 'closed' = 'opening';
  /** What the page has sent, one message each. */
  readonly sent: Request[][] = [];
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  send(text: string): void {
    if (this.state === 'open') this.sent.push(JSON.parse(text) as Request[]);
  }

  close(): void {
    this.state = 'closed';
  }

  // ---- what the hub does ----

  open(): void {
    this.state = 'open';
    this.onopen?.();
  }

  /** One message to the page. */
  push(...frames: object[]): void {
    if (this.state === 'open') this.onmessage?.({ data: JSON.stringify(frames) });
  }

  cut(code = 1006, reason = ''): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.onclose?.({ code, reason });
  }

  /** The requests sent so far, taken out. */
  taken(): Request[] {
    return this.sent.splice(0).flat();
  }
}

/** Gives the page its sockets, and the test the newest. */
export class Sockets {
  readonly all: FakeSocket[] = [];

  readonly open = (url: string): WebSocket => {
    const socket = new FakeSocket(url);
    this.all.push(socket);
    return socket as unknown as WebSocket;
  };

  get last(): FakeSocket {
    const socket = this.all.at(-1);
    if (!socket) throw new Error('the page has opened no socket');
    return socket;
  }
}

export const alice = { user: 'alice', name: 'Alice Martin', roles: ['user'], session: 's1' };

export function welcome(more: object = {}): Frame {
  return {
    type: 'welcome',
    conn: 'c1',
    session: 's1',
    space: 'demo',
    title: 'Demo',
    epoch: 'e1',
    you: alice,
    control: vacant(),
    presence: [],
    calls: [],
    channels: {
      queue: { kind: 'store', write: ['operator', 'service'] },
      ui: { kind: 'store', scope: 'user', write: ['owner'] },
      chat: { kind: 'log', write: ['member'], keep: 4 },
    },
    commands: { 'motor.move': { call: ['operator'] }, abort: { call: ['member'], stop: true } },
    grace_ms: 30000,
    limits: { message: 65536, unanswered: 32, joined: 128 },
    version: 'test',
    node: 'n1',
    ...more,
  };
}

export function vacant(more: object = {}) {
  return { term: 0, operator: null, since: '2026-03-02T09:00:00Z', lost: null, requests: [], ...more };
}

export function driving(term: number) {
  return vacant({ term, operator: { session: 's1', user: 'alice', name: 'Alice Martin' } });
}

/** Enough of a frame to put it in order. */
export interface Frame {
  readonly type: string;
  readonly position?: number;
  readonly [more: string]: unknown;
}

interface Entry {
  readonly position: number;
  readonly key: string;
  /** undefined: deleted. */
  readonly value: unknown;
  readonly by: string;
  readonly op?: string;
}

/** One store of the real hub's kind: a log of entries, a fold, and what each operation was answered. */
export class StoreModel {
  readonly entries: Entry[] = [];
  readonly values = new Map<string, Entry>();
  readonly answers = new Map<string, number>();

  get position(): number {
    return this.entries.at(-1)?.position ?? 0;
  }

  get cursor(): string {
    return `e1-${this.position.toString(36)}`;
  }

  /** Commits a change; the position, 0 if it is refused. An operation that was done gets its first answer. */
  write(
    request: Pick<Request, 'set' | 'patch' | 'delete' | 'if' | 'op'>,
    by: string,
  ): { position: number; frames: Frame[] } {
    const done = request.op === undefined ? undefined : this.answers.get(request.op);
    if (done !== undefined) return { position: done, frames: [] };
    for (const [key, position] of Object.entries(request.if ?? {})) {
      if ((this.values.get(key)?.position ?? 0) !== position) return { position: 0, frames: [] };
    }
    const position = this.position + 1;
    const op = request.op === undefined ? {} : { op: request.op };
    for (const [key, value] of Object.entries({ ...request.set, ...request.patch })) {
      this.#apply({ position, key, value, by, ...op });
    }
    for (const key of request.delete ?? []) this.#apply({ position, key, value: undefined, by, ...op });
    if (request.op !== undefined) this.answers.set(request.op, position);
    const set = request.set ? { set: request.set } : {};
    const patch = request.patch ? { patch: request.patch } : {};
    const gone = request.delete ? { delete: request.delete } : {};
    const head = { type: 'change', channel: 'ui', position, cursor: this.cursor, at: 'T' };
    return { position, frames: [{ ...head, ...set, ...patch, ...gone, by, ...op }] };
  }

  /** What a join is answered: everything, or what changed since the cursor. */
  joined(request: Pick<Request, 'id' | 'cursor'> | { readonly cursor: string }): Frame {
    const head = {
      type: 'joined',
      ...('id' in request && { id: request.id }),
      channel: 'ui',
      cursor: this.cursor,
      mode: request.cursor ? 'delta' : 'snapshot',
    };
    const since = request.cursor ? Number.parseInt(request.cursor.slice(3), 36) : 0;
    const touched = new Set(this.entries.filter((e) => e.position > since).map((e) => e.key));
    const values: Record<string, object> = {};
    const removed: string[] = [];
    for (const key of touched) {
      const entry = this.values.get(key);
      if (entry) values[key] = { value: entry.value, position: entry.position, by: entry.by, at: 'T' };
      else if (request.cursor) removed.push(key);
    }
    return { ...head, values, removed };
  }

  #apply(entry: Entry): void {
    this.entries.push(entry);
    if (entry.value === undefined) this.values.delete(entry.key);
    else this.values.set(entry.key, entry);
  }
}
