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
import type { KeptChange, KeptChannel, Shelf, Whose } from './shelf.js';
import { Cell, Source } from './source.js';
import { StoreState } from './store.js';

interface SentChange {
  readonly op: string;
  /** When it was made, in milliseconds since 1970. */
  readonly at: number;
  /** What it is, as the hub will read it. */
  readonly change: RequestBody;
}

/** A change that the hub has not answered yet, of this page or of one that is gone. */
export interface WaitingChange extends SentChange {
  /** The browser has it, so that it outlives the page. */
  readonly kept: boolean;
}

/** A change of a page that is gone, which was not applied; or, with code `unknown`, perhaps was. */
export interface RefusedChange extends SentChange {
  readonly refused: Refused;
}

/**
 * A change that the hub has not answered. `coming`: it is being put into the browser. `kept`: it is there. `lost`: it is not,
 * or not any more. `shown`: it is, of a page that may be gone, and not this page's to send before the hub says who is here.
 */
interface Held {
  change: KeptChange;
  state: 'coming' | 'kept' | 'lost' | 'shown';
}

/**
 * Older ones are not wanted any more. It has to be less than the three days after which the hub does not know a silent
 * client's operations, and would do one again.
 */
const longest = 48 * 3_600_000;

/** For so long at most changes wait for the browser's database. */
const longestPause = 1_000;

export class Queue {
  readonly refused: Cell<readonly RefusedChange[]>;
  readonly waiting: Source<readonly WaitingChange[]>;
  #connection: Connection;
  #shelf: Shelf;
  #whose: () => Whose | undefined;
  #locks: LockManager | undefined;
  #signedIn: 'alone' | 'with others';
  #state: 'new' | 'begun' = 'new';
  #pauses = 0; // that are not over
  #own = ''; // this page's client
  #taken = new Set<string>(); // the clients whose changes this page sees to, besides
  #end: (() => void) | undefined; // gives the lock of its own ones back
  /** What the hub said to the page before, as long as it has said nothing to this one. */
  before: Pick<KeptChannel, 'welcome' | 'term'> = {};
  #held = new Map<string, Held>(); // by operation

  /** `signedIn`: whether others may be in other tabs of this browser, as with tickets, or not, as with the cookie. */
  constructor(
    connection: Connection,
    shelf: Shelf,
    whose: () => Whose | undefined,
    signedIn: 'alone' | 'with others',
  ) {
    this.#signedIn = signedIn;
    this.#connection = connection;
    this.#shelf = shelf;
    this.#whose = whose;
    this.#locks = globalThis.navigator?.locks;
    this.refused = new Cell<readonly RefusedChange[]>(connection.batch, []);
    this.waiting = new Source(connection.batch, () =>
      [...this.#held.values()]
        .map(({ change: { op, at, body }, state }) => ({
          ...{ op, at, change: body },
          kept: state === 'kept' || state === 'shown',
        }))
        .sort((a, b) => a.at - b.at),
    );
    shelf.lost = () => {
      for (const held of this.#held.values()) if (held.state === 'kept') held.state = 'lost';
      this.waiting.changed();
      void this.#rescue();
    };
    globalThis.addEventListener?.('pagehide', this.#release);
    globalThis.addEventListener?.('pageshow', this.#takeBack);
    const request = connection.request.bind(connection);
    connection.request = (asked, plan) => {
      // What is given up after a while is not wanted later.
      if (plan.op !== undefined || plan.patience < Infinity) return request(asked, plan);
      const body = this.#underTerm(asked);
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
      return request(body, kept);
    };
  }

  /** How many wait. */
  get count(): number {
    return this.#held.size;
  }

  /** Shows what pages that are gone have left, of who is said to be here: it is not sent before the hub says that too. */
  async show(): Promise<void> {
    const whose = this.#whose();
    const all = whose ? await this.#shelf.all('changes') : [];
    if (this.#state === 'begun') return;
    this.#connection.batch.run(() => {
      for (const change of all) {
        const { op, body, user, space } = change;
        if (user !== whose?.user || space !== whose.space || clientOf(op) === this.#own) continue;
        this.#shown(body).made?.(op, body);
        this.#hold(change, 'shown');
      }
    });
  }

  /**
   * What the operator changes before the hub has said anything to this page carries the term that the page before saw: the
   * hub does it if that still holds. Nothing that moves does: a command is given up after a while, and does not come here.
   */
  #underTerm(body: RequestBody): RequestBody {
    const { welcome, term } = this.before;
    if (!welcome || !term || this.#state === 'begun') return body;
    const parts = body.type === 'transact' ? [...body.writes, ...body.appends] : [body];
    const operators = parts.some(
      (part) => 'channel' in part && welcome.channels[part.channel]?.write?.includes('operator'),
    );
    return operators ? ({ ...body, term } as RequestBody) : body;
  }

  /** What was shown and is not this page's to send is another tab's, or nobody's. */
  #unshow(): void {
    this.#connection.batch.run(() => {
      for (const { change, state } of this.#held.values()) {
        if (state !== 'shown') continue;
        this.#shown(change.body).done?.(change.op);
        this.#letGo(change.op);
      }
    });
  }

  /**
   * The hub has said who is here. What earlier pages have left goes before what this one has done; and what is sent for the
   * first time is marked so before. For a blink, or as long as the browser takes for it, nothing is sent but stops.
   */
  welcomed(): void {
    const own = [...this.#held.values()].filter(({ state }) => state !== 'shown');
    const unsent = own.filter(({ change }) => change.unsent);
    const first = this.#state === 'new';
    this.#state = 'begun';
    if (unsent.length > 0) this.#pause(this.#mark(unsent));
    if (first) this.#pause(this.look().then(() => this.#unshow()));
  }

  #pause(work: Promise<void>): void {
    const { outbox } = this.#connection;
    this.#pauses++;
    outbox.held = true;
    let late: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      late = setTimeout(resolve, longestPause);
    });
    void Promise.race([work, patience]).then(() => {
      clearTimeout(late);
      outbox.held = --this.#pauses > 0;
      this.#connection.pump();
    });
  }

  /** They are about to be sent: the browser has them as such, or not at all. */
  async #mark(unsent: readonly Held[]): Promise<void> {
    if (unsent.length === 0) return;
    for (const held of unsent) held.change = sent(held.change);
    if (await this.#shelf.put('changes', ...unsent.map(({ change }) => change))) return;
    await this.#shelf.delete('changes', ...unsent.map(({ change }) => change.op));
    for (const held of unsent) held.state = 'lost';
    this.waiting.changed();
  }

  /** Takes up what pages have left that are gone; of others than who is here, if nobody else can be, it is removed. */
  async look(): Promise<void> {
    const whose = this.#whose();
    if (!whose || this.#connection.status.get() === 'connecting') return;
    void this.#rescue();
    const [theirs, others] = [new Set<string>(), new Set<string>()];
    for (const { op, user, space } of await this.#shelf.all('changes')) {
      const client = clientOf(op);
      if (client === this.#own || this.#taken.has(client)) continue;
      if (user !== whose.user) others.add(client);
      else if (space === whose.space) theirs.add(client);
    }
    if (this.#signedIn === 'alone') for (const client of others) void this.#remove(client, whose);
    await Promise.all([...theirs].map((client) => this.#inherit(client, whose)));
  }

  /** Removes what a page of somebody else has left, unless it is there: then it sees to its changes itself. */
  async #remove(client: string, { user }: Whose): Promise<void> {
    const work = async (lock: Lock | null) => {
      const all = lock ? await this.#shelf.all('changes') : [];
      const left = all.filter((change) => clientOf(change.op) === client && change.user !== user);
      await this.#shelf.delete('changes', ...left.map(({ op }) => op));
    };
    await this.#locks?.request(lockOf(client), { ifAvailable: true }, work).catch(() => {});
  }

  dismiss(): void {
    this.refused.set([]);
  }

  end(): void {
    this.#release();
    globalThis.removeEventListener?.('pagehide', this.#release);
    globalThis.removeEventListener?.('pageshow', this.#takeBack);
  }

  /** A page that is left, perhaps to be come back to, does not stand in the way of those who go on. */
  #release = (): void => this.#end?.();

  #takeBack = ({ persisted }: PageTransitionEvent): void => {
    if (persisted && this.#own !== '') this.#claim(this.#own);
  };

  #keep(op: string, sent: RequestBody, lanes: readonly string[]): void {
    const { id: _, op: __, ...body } = sent as RequestBody & { id: number; op: string };
    if (this.#own === '') this.#claim(clientOf(op));
    const whose = this.#whose() ?? nobody;
    const change = { op, body: body as RequestBody, lanes, at: Date.now(), ...whose };
    const down = this.#connection.status.get() === 'connecting';
    const held = this.#hold({ ...change, ...(down && { unsent: true }) }, 'lost'); // as yet
    if (whose !== nobody) void this.#save(held);
  }

  #drop(op: string): void {
    if (!this.#held.has(op)) return;
    void this.#shelf.delete('changes', op);
    this.#letGo(op);
  }

  #hold(change: KeptChange, state: Held['state']): Held {
    const held = { change, state };
    this.#held.set(change.op, held);
    this.waiting.changed();
    return held;
  }

  #letGo(op: string): void {
    if (this.#held.delete(op)) this.waiting.changed();
  }

  /** Puts it into the browser; resolves with whether it is there. */
  async #save(held: Held): Promise<boolean> {
    held.state = 'coming';
    const kept = await this.#shelf.put('changes', held.change);
    if (held.state === 'coming') held.state = kept ? 'kept' : 'lost';
    this.waiting.changed();
    return kept;
  }

  /** Tries again what the browser does not have: because it could not be kept, or it was not known whose it is. */
  async #rescue(): Promise<void> {
    const whose = this.#whose();
    if (!whose) return;
    for (const held of this.#held.values()) {
      if (held.state !== 'lost') continue;
      if (held.change.user === '') held.change = { ...held.change, ...whose };
      if (!(await this.#save(held))) return;
    }
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
  #inherit(client: string, whose: Whose): Promise<void> {
    this.#taken.add(client);
    return new Promise((resolve) => {
      const work = async (lock: Lock | null) => {
        const left = lock ? await this.#leftBy(client, whose) : [];
        const held = left.map((change) => this.#hold(change, 'kept'));
        await this.#mark(held.filter(({ change }) => change.unsent && patience(change) > 0));
        const ended = this.#takeUp(left);
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

  /** What a page has left, in the order that it was made. */
  async #leftBy(client: string, { user, space }: Whose): Promise<readonly KeptChange[]> {
    const all = await this.#shelf.all('changes');
    return all
      .filter((c) => clientOf(c.op) === client && c.user === user && c.space === space)
      .sort((a, b) => numberOf(a.op) - numberOf(b.op));
  }

  /** Sends what a page has left before what this page does. */
  #takeUp(left: readonly KeptChange[]): readonly Promise<void>[] {
    const { entries } = this.#connection.outbox;
    const own = [...entries];
    entries.clear();
    const ended = left.map((change) => this.#again(change));
    for (const [id, entry] of own) entries.set(id, entry);
    return ended;
  }

  async #again(change: KeptChange): Promise<void> {
    const { op, body, lanes, at } = change;
    const { made, done, failed } = this.#shown(body);
    try {
      await this.#connection.request(body, {
        op,
        lanes,
        kind: 'change',
        patience: patience(change),
        state: change.unsent ? 'unsent' : 'again',
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

  /** What the stores show of a change. */
  #shown(body: RequestBody): ReturnType<typeof shown> {
    const writes = body.type === 'transact' ? body.writes : body.type === 'write' ? [body] : [];
    const stores = writes.map(({ channel }) =>
      this.#connection.channels.open({ kind: 'store', name: channel, live: false }, StoreState),
    );
    return shown(stores, writes);
  }
}

/** How long it is tried from now on. */
function patience({ at }: KeptChange): number {
  return Math.min(longest, longest - (Date.now() - at)); // the clock may have been set back
}

function sent({ unsent: _, ...change }: KeptChange): KeptChange {
  return change;
}

/** Of whom it is not known who is here, what is made is not kept: nobody could be given it. */
const nobody: Whose = { user: '', space: '' };

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
