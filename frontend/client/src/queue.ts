/**
 * The changes that the hub has not answered, kept beyond the page: when its tab is gone, another tab or the next page load
 * of the same person takes them up, one by a Web Lock, and sends them under the operation ids that they had. So each is
 * applied once, also if the hub has done it already.
 */

import type { Refused } from './api.js';
import { shown } from './change.js';
import type { Connection, Plan } from './connection.js';
import { type BatonError, refusal } from './error.js';
import type { RequestBody } from './frames.js';
import type { KeptChange, Shelf, Whose } from './shelf.js';
import { Cell } from './source.js';
import { StoreState } from './store.js';

/** A change that the hub has not answered yet, of this page or of one that is gone. */
export interface WaitingChange {
  readonly op: string;
  /** When it was made, in milliseconds since 1970. */
  readonly at: number;
  /** What it is, as the hub will read it. */
  readonly change: RequestBody;
}

/** A change of a page that is gone, which was not applied; or, with code `unknown`, perhaps was. */
export interface RefusedChange extends WaitingChange {
  readonly refused: Refused;
}

/**
 * Older ones are not wanted any more. It has to be less than the three days after which the hub does not know a silent
 * client's operations, and would do one again.
 */
const longest = 48 * 3_600_000;

/** For so long at most the page's own changes wait until what earlier ones have left is found. */
const longestLook = 1_000;

export class Queue {
  readonly refused: Cell<readonly RefusedChange[]>;
  readonly waiting: Cell<readonly WaitingChange[]>;
  #connection: Connection;
  #shelf: Shelf;
  #whose: () => Whose | undefined;
  #locks: LockManager | undefined;
  #state: 'new' | 'begun' = 'new';
  #looking: Promise<void> | undefined; // for the first time
  #own = ''; // this page's client
  #taken = new Set<string>(); // the clients whose changes this page sees to, besides
  #end: (() => void) | undefined; // gives the lock of its own ones back
  #unnamed: KeptChange[] = []; // made before it was known who is here
  #shown = new Map<string, KeptChange>(); // what pages that may be gone have left, until the hub says who is here

  constructor(connection: Connection, shelf: Shelf, whose: () => Whose | undefined) {
    this.#connection = connection;
    this.#shelf = shelf;
    this.#whose = whose;
    this.#locks = globalThis.navigator?.locks;
    this.refused = new Cell<readonly RefusedChange[]>(connection.batch, []);
    this.waiting = new Cell<readonly WaitingChange[]>(connection.batch, []);
    globalThis.addEventListener?.('pagehide', this.#letGo);
    globalThis.addEventListener?.('pageshow', this.#takeBack);
    const request = connection.request.bind(connection);
    connection.request = (body, plan) => {
      // What is given up after a while is not wanted later.
      if (plan.op !== undefined || plan.patience < Infinity) return request(body, plan);
      const kept: Plan = {
        ...plan,
        made: (op, sent) => {
          plan.made?.(op, sent);
          this.#keep(op, sent, plan.lanes);
        },
        done: (op) => {
          this.#drop(op);
          plan.done?.(op);
        },
        failed: (op, error) => {
          if (!over(error)) this.#drop(op);
          plan.failed?.(op, error);
        },
      };
      return this.#looking ? this.#looking.then(() => request(body, kept)) : request(body, kept);
    };
  }

  /** Shows what pages that are gone have left, of who is said to be here: it is not sent before the hub says that too. */
  async show(): Promise<void> {
    const whose = this.#whose();
    const all = whose ? await this.#shelf.all('changes') : [];
    if (this.#state === 'begun') return;
    this.#connection.batch.run(() => {
      for (const change of all) {
        const { op, body, user, space, at } = change;
        if (user !== whose?.user || space !== whose.space || clientOf(op) === this.#own) continue;
        this.#shown.set(op, change);
        shown(this.#storesOf(body)).made?.(op, body);
        this.#wait({ op, at, change: body });
      }
    });
  }

  /** What was shown and is not this page's to send is another tab's, or nobody's. */
  #unshow(): void {
    this.#connection.batch.run(() => {
      for (const { op, body } of this.#shown.values()) {
        shown(this.#storesOf(body)).done?.(op);
        this.#waited(op);
      }
    });
    this.#shown.clear();
  }

  /**
   * The hub has said for the first time who is here. What earlier pages have left goes before what this one has done: for a
   * blink, or as long as the browser takes to find it, nothing else is sent.
   */
  begin(): void {
    if (this.#state === 'begun') return;
    this.#state = 'begun';
    const held = [...this.#connection.outbox.entries.values()].filter(({ state }) => state === 'unsent');
    for (const entry of held) entry.state = 'sent';
    let late: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      late = setTimeout(resolve, longestLook);
    });
    this.#looking = Promise.race([this.look(), patience]).then(() => {
      clearTimeout(late);
      this.#unshow();
      this.#looking = undefined;
      for (const entry of held) if (entry.state === 'sent') entry.state = 'unsent';
      this.#connection.pump();
    });
  }

  /** Takes up what pages have left that are gone. Changes of others than who is here are removed. */
  async look(): Promise<void> {
    const whose = this.#whose();
    if (!whose || this.#connection.status.get() === 'connecting') return;
    for (const change of this.#unnamed.splice(0)) void this.#shelf.put('changes', { ...change, ...whose });
    const clients = new Set<string>();
    for (const change of await this.#shelf.all('changes')) {
      const client = clientOf(change.op);
      if (change.user !== whose.user) await this.#shelf.delete('changes', change.op);
      else if (change.space === whose.space && client !== this.#own && !this.#taken.has(client)) {
        clients.add(client);
      }
    }
    await Promise.all([...clients].map((client) => this.#hold(client, whose)));
  }

  dismiss(): void {
    this.refused.set([]);
  }

  end(): void {
    this.#letGo();
    globalThis.removeEventListener?.('pagehide', this.#letGo);
    globalThis.removeEventListener?.('pageshow', this.#takeBack);
  }

  /** A page that is left, perhaps to be come back to, does not stand in the way of those who go on. */
  #letGo = (): void => this.#end?.();

  #takeBack = ({ persisted }: PageTransitionEvent): void => {
    if (persisted && this.#own !== '') this.#claim(this.#own);
  };

  #keep(op: string, sent: RequestBody, lanes: readonly string[]): void {
    const { id: _, op: __, ...body } = sent as RequestBody & { id: number; op: string };
    if (this.#own === '') this.#claim(clientOf(op));
    const change = {
      op,
      body: body as RequestBody,
      lanes,
      at: Date.now(),
      user: '',
      space: '',
      ...this.#whose(),
    };
    if (change.user === '') this.#unnamed.push(change);
    void this.#shelf.put('changes', change);
    this.#wait({ op, at: change.at, change: change.body });
  }

  #drop(op: string): void {
    this.#unnamed = this.#unnamed.filter((change) => change.op !== op);
    void this.#shelf.delete('changes', op);
    this.#waited(op);
  }

  #wait(change: WaitingChange): void {
    this.#waited(change.op);
    this.waiting.set([...this.waiting.get(), change].sort((a, b) => a.at - b.at));
  }

  #waited(op: string): void {
    const left = this.waiting.get().filter((one) => one.op !== op);
    if (left.length < this.waiting.get().length) this.waiting.set(left);
  }

  /** As long as this page is there, nobody else sees to its changes. */
  #claim(client: string): void {
    this.#own = client;
    const held = new Promise<void>((end) => {
      this.#end = end;
    });
    this.#locks?.request(lockOf(client), {}, () => held).catch(() => {});
  }

  /** Takes up the changes of a page, if it is gone, and no other has: resolves when they are on their way. */
  #hold(client: string, whose: Whose): Promise<void> {
    this.#taken.add(client);
    return new Promise((resolve) => {
      const work = async (lock: Lock | null) => {
        const ended = lock ? this.#takeUp(client, whose, await this.#shelf.all('changes')) : [];
        resolve();
        await Promise.all(ended);
      };
      Promise.resolve(this.#locks?.request(lockOf(client), { ifAvailable: true }, work))
        .catch(() => {})
        .then(() => {
          this.#taken.delete(client);
          resolve();
        });
    });
  }

  /** Sends what a page has left, in the order that it was made, before what this page does. */
  #takeUp(client: string, { user, space }: Whose, all: readonly KeptChange[]): readonly Promise<void>[] {
    const left = all.filter((c) => clientOf(c.op) === client && c.user === user && c.space === space);
    left.sort((a, b) => numberOf(a.op) - numberOf(b.op));
    const { entries } = this.#connection.outbox;
    const own = [...entries];
    entries.clear();
    const ended = left.map((change) => this.#again(change));
    for (const [id, entry] of own) entries.set(id, entry);
    return ended;
  }

  async #again(change: KeptChange): Promise<void> {
    const { op, body, lanes, at } = change;
    const { made, done, failed } = shown(this.#storesOf(body));
    this.#shown.delete(op);
    this.#wait({ op, at, change: body });
    const patience = longest - (Date.now() - at);
    try {
      await this.#connection.request(body, {
        op,
        lanes,
        kind: 'change',
        patience,
        ...(made && { made }),
        done: () => {
          this.#drop(op);
          done?.(op);
        },
        failed: (_, error) => {
          if (!over(error)) this.#drop(op);
          failed?.(op, error);
        },
      });
    } catch (err) {
      if (over(err as BatonError)) return;
      const refused = refusal(err as BatonError);
      this.refused.set([...this.refused.get(), { op, at, change: body, refused }]);
    }
  }

  #storesOf(body: RequestBody) {
    const writes = body.type === 'transact' ? body.writes : body.type === 'write' ? [body] : [];
    return writes.map(({ channel }) =>
      this.#connection.channels.open({ kind: 'store', name: channel, live: false }, StoreState),
    );
  }
}

/** The connection is over, which says nothing of the change: it waits for the next. */
function over({ code }: BatonError): boolean {
  return code === 'closed' || code === 'signed_out';
}

function lockOf(client: string): string {
  return `baton changes ${client}`;
}

function clientOf(op: string): string {
  return op.slice(0, op.lastIndexOf('.'));
}

function numberOf(op: string): number {
  return Number(op.slice(op.lastIndexOf('.') + 1));
}
