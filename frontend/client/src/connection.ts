/**
 * One page's connection to its space: applies what the hub says to what the page sees, and carries what the page does
 * to the hub. The link below it has the socket; channels, outbox and calls beside it have the state.
 */

import type { ControlView, Ending, Member, Status, Welcome, You } from './api.js';
import { Calls } from './calls.js';
import { Channels } from './channel.js';
import { BatonError, retryable } from './error.js';
import {
  type AnswerFrame,
  type ControlData,
  type ErrorFrame,
  parseMessage,
  type RequestBody,
  type ServerFrame,
  type WelcomeFrame,
} from './frames.js';
import { type Down, Link, type OpenSocket } from './link.js';
import { type Entry, type Operation, Outbox } from './outbox.js';
import { Batch, Cell } from './source.js';

export interface ConnectionOptions {
  readonly url: string;
  readonly client: string;
  /** undefined: there are no sockets here, as when a page is rendered on a server. */
  readonly open: OpenSocket | undefined;
  /** Asks over HTTP whether somebody is signed in; a browser does not say why a socket was refused. */
  readonly signedIn: () => Promise<boolean>;
}

/** How a request goes out, and who hears of its end. */
export interface Plan {
  readonly lanes: readonly string[];
  readonly kind: Operation['kind'];
  /** How long it is tried, in milliseconds; Infinity = until it is answered. */
  readonly patience: number;
  /** The operation of an earlier page load that is tried again. Default: a new one. */
  readonly op?: string;
  /** `again`: that one may have sent it. Default: it was never sent. */
  readonly state?: 'unsent' | 'again';
  /** It goes out under this operation id; `sent` is what the hub will read. */
  readonly made?: (op: string, sent: RequestBody) => void;
  readonly done?: (op: string) => void;
  readonly failed?: (op: string, error: BatonError) => void;
}

const nobodyDrives: ControlView = {
  term: 0,
  operator: null,
  since: '',
  lost: null,
  requests: [],
  mine: false,
};
const largestMessage = 64 * 1024;
/** The close codes after which it does not help to come back. */
const finalCodes: Readonly<Record<number, 'signed-out' | 'replaced' | 'ended'>> = {
  4401: 'signed-out',
  4409: 'replaced',
  4400: 'ended', // the hub does not understand this page: it may be of an older release
  4403: 'ended', // this page may not connect here
};

export class Connection {
  readonly batch = new Batch();
  readonly status = new Cell<Status>(this.batch, 'connecting');
  readonly ending = new Cell<Ending | null>(this.batch, null);
  readonly welcome = new Cell<Welcome | null>(this.batch, null);
  readonly you = new Cell<You | null>(this.batch, null);
  readonly presence = new Cell<readonly Member[]>(this.batch, []);
  readonly idle = new Cell<{ readonly until: number } | null>(this.batch, null);
  readonly control = new Cell<ControlView>(this.batch, nobodyDrives);
  readonly calls = new Calls(this.batch);
  readonly channels: Channels;
  readonly outbox = new Outbox();

  #options: ConnectionOptions;
  #link: Link | undefined;

  #phase: 'down' | 'up' | 'signed-out' | 'replaced' | 'ended' = 'down';
  #log: 'fresh' | 'stale' = 'fresh';
  #check: 'idle' | 'asking' = 'idle'; // whether somebody is signed in
  #bye: Omit<Down, 'heard'> | undefined; // what the hub said before it closed
  #ids = 0;
  #ops = 0;
  #seen = { position: 0, cursor: '' }; // the newest that this page has seen, over all its connections
  #wake: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.channels = new Channels({
      batch: this.batch,
      here: () => (this.#phase === 'up' ? this.welcome.get() : null),
      nextId: () => ++this.#ids,
      send: (frames) => this.#link?.send(JSON.stringify(frames)),
    });
    if (!options.open) return;
    this.#link = new Link(
      `${options.url.replace(/^http/, 'ws')}/api/v1/ws?client=${options.client}`,
      options.open,
      {
        message: (text) => this.#receive(text),
        down: (how) => this.#down(how),
        ping: () => JSON.stringify([{ type: 'ping', id: ++this.#ids }]),
      },
    );
    this.#link.start();
  }

  /** Sends a request that changes something, until it is answered. Who it is refused to is told as of the hub's refusals. */
  request(body: RequestBody, plan: Plan): Promise<AnswerFrame> {
    return new Promise((done, reject) => {
      const op = plan.op ?? `${this.#options.client}.${this.#ops + 1}`;
      const failed = (error: BatonError) => {
        plan.failed?.(op, error);
        reject(error);
      };
      this.batch.run(() => {
        try {
          const text = this.#fit(body, op);
          // What is shown is what the hub will read, and nobody else can change it.
          plan.made?.(op, (JSON.parse(text) as [RequestBody])[0]);
          this.outbox.add({
            ...plan,
            id: ++this.#ids,
            op,
            text: text.slice(2),
            deadline: performance.now() + plan.patience,
            done: (answer) => {
              plan.done?.(op);
              done(answer);
            },
            failed,
          });
          this.#ops++;
          if (plan.kind === 'stop') this.#giveUp(this.outbox.withdraw(), 'A stop was given after it');
        } catch (err) {
          failed(err instanceof BatonError ? err : new BatonError({ code: 'invalid', detail: String(err) }));
        }
      });
      this.pump();
    });
  }

  /** The present term, for what only the operator may do: the one that the user saw when acting. */
  term(rights: readonly string[] | undefined): { readonly term?: number } {
    const { term } = this.control.get();
    return term > 0 && rights?.includes('operator') ? { term } : {};
  }

  close(): void {
    this.#end('ended', { code: 1000, reason: 'closed by the page' });
  }

  /** The message to the hub; throws if it cannot be sent. */
  #fit(body: RequestBody, op: string): string {
    if (this.#final() || !this.#link) throw this.#over();
    const text = JSON.stringify([{ id: this.#ids + 1, op, ...body }]);
    const limit = this.welcome.get()?.limits.message ?? largestMessage;
    if (new TextEncoder().encode(text).length + 80 > limit) {
      const detail = `Only ${limit >> 10} KiB fit into one change.`;
      throw new BatonError({ code: 'too_large', detail });
    }
    return text;
  }

  /** Sends what can be sent, and looks again when there may be more. */
  pump(): void {
    clearTimeout(this.#wake);
    const now = performance.now();
    this.batch.run(() => this.#giveUp(this.outbox.expired(now), 'The hub does not answer'));
    if (this.#phase === 'up') {
      // On another node the request waits until that has caught up with what this page has seen.
      const { cursor } = this.#seen;
      const seen = cursor && `"seen":${JSON.stringify(cursor)},`;
      for (const text of this.outbox.take(now)) this.#link?.send(`[{${seen}${text}`);
    }
    const at = this.outbox.wakeAt(now);
    if (at < Infinity) this.#wake = setTimeout(() => this.pump(), at - now);
  }

  #giveUp(removed: readonly Entry[], why: string): void {
    for (const { state, failed } of removed) {
      const [code, so] =
        state === 'unsent'
          ? ['withdrawn', ': nothing was done.']
          : ['unknown', '. Whether it was done is not known: look before you repeat it.'];
      failed(new BatonError({ code, detail: why + so }));
    }
  }

  #receive(text: unknown): void {
    this.#change(() => {
      for (const frame of parseMessage(text)) {
        if (!this.#final()) this.#apply(frame);
      }
    });
    if (!this.#final()) this.pump();
  }

  /** Does it, and finds the word for what is so then. */
  #change(work: () => void): void {
    this.batch.run(() => {
      work();
      this.status.set(this.#word());
    });
  }

  #apply(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#welcome(frame);
        break;
      case 'joined':
        this.channels.joined(frame);
        break;
      case 'change':
      case 'message':
      case 'signal':
        this.#saw(frame);
        this.channels.tell(frame);
        break;
      case 'written':
      case 'appended':
      case 'called':
      case 'controlled':
        this.outbox.answered(frame.id)?.done(frame);
        break;
      case 'error':
        this.#refused(frame);
        break;
      case 'call': {
        const { type: _type, cursor: _cursor, ...call } = frame;
        this.calls.put(call);
        break;
      }
      case 'control': {
        const { type: _type, ...seat } = frame;
        this.#control(seat);
        break;
      }
      case 'presence':
        this.presence.set(frame.members);
        break;
      case 'idle':
        this.idle.set(frame.remaining_ms ? { until: performance.now() + frame.remaining_ms } : null);
        break;
      case 'pong':
        this.channels.reached(frame.cursor);
        break;
      case 'stale':
      case 'fresh':
        this.#log = frame.type;
        break;
      case 'leaving':
        this.#link?.connect();
        break;
      case 'bye':
        this.#bye = frame;
    }
  }

  #welcome(frame: WelcomeFrame): void {
    const before = this.welcome.get();
    const { type: _type, control, presence, calls, ...welcome } = frame;
    if (before && (before.you.user !== welcome.you.user || before.space !== welcome.space)) {
      // Nothing here, neither what is shown nor what waits, is that user's.
      this.#end('signed-out', { code: 4401, reason: `${welcome.you.name} has signed in` });
      return;
    }
    // It can come again on a connection, when the rules or this user's rights have changed; and on the next one while the
    // one before still works.
    const moved = this.#phase === 'up' && before?.conn !== welcome.conn;
    if (moved) this.#again();
    this.channels.left(before ?? welcome, welcome);
    this.#phase = 'up';
    this.#log = 'fresh';
    if (before?.epoch !== welcome.epoch) this.#seen = { position: 0, cursor: '' };
    this.outbox.limit = welcome.limits.unanswered;
    this.welcome.set(welcome);
    this.you.set(welcome.you);
    this.presence.set(presence);
    this.#control(control);
    this.calls.reset(calls);
    this.channels.connected(!moved);
  }

  #control({ lost, ...seat }: ControlData): void {
    this.control.set({
      ...seat,
      lost: lost && { until: performance.now() + lost.remaining_ms },
      mine: seat.operator?.session === this.welcome.get()?.session,
    });
  }

  #refused(frame: ErrorFrame): void {
    const { id = 0, code } = frame;
    if (this.channels.refused(frame)) return;
    // One that the hub has forgotten is not done on a guess, however often it is sent.
    if (retryable.has(code) && !frame.more?.forgotten) {
      const reason = code === 'rate' || code === 'unanswered' ? 'too many' : 'later';
      this.outbox.notNow(id, reason, performance.now(), Math.random());
      return;
    }
    this.outbox.answered(id)?.failed(new BatonError(frame));
  }

  #saw({ position, cursor }: { readonly position?: number; readonly cursor?: string }): void {
    if (position && cursor && position >= this.#seen.position) this.#seen = { position, cursor };
  }

  #down(how: Down): number | undefined {
    const { code, reason, reconnect_after } = this.#bye ?? how;
    this.#bye = undefined;
    const final = finalCodes[code];
    if (final) {
      this.#end(final, { code, reason });
      return;
    }
    this.#change(() => {
      this.#phase = 'down';
      this.idle.set(null); // what still holds then is said again
      this.#again();
    });
    this.pump();
    if (!how.heard && this.#check === 'idle') this.#checkSignIn();
    return reconnect_after;
  }

  /** On another connection everything is sent again. */
  #again(): void {
    this.outbox.disconnected();
    this.channels.disconnected();
  }

  async #checkSignIn(): Promise<void> {
    this.#check = 'asking';
    const signedIn = await this.#options.signedIn();
    this.#check = 'idle';
    if (!signedIn && this.#phase === 'down') {
      this.#end('signed-out', { code: 4401, reason: '' });
    }
  }

  #end(phase: 'signed-out' | 'replaced' | 'ended', ending: Ending): void {
    if (this.#final()) return;
    this.#change(() => {
      this.#phase = phase;
      this.ending.set(ending);
      this.#link?.close();
      this.channels.close();
      clearTimeout(this.#wake);
      for (const { failed } of this.outbox.drain()) failed(this.#over());
      this.calls.end(this.#over());
    });
  }

  #over(): BatonError {
    const code = this.#phase === 'ended' || !this.#link ? 'closed' : 'signed_out';
    const reason = this.ending.get()?.reason ?? 'no WebSocket here';
    return new BatonError({ code, detail: `The connection is over: ${reason}` });
  }

  #final(): boolean {
    return this.ending.get() !== null;
  }

  #word(): Status {
    if (this.#phase === 'down') return 'connecting';
    if (this.#phase !== 'up') return this.#phase;
    if (this.#log === 'stale') return 'stale';
    return this.channels.settled() ? 'live' : 'catching-up';
  }
}
