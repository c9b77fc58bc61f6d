/** The channels of a page: which are joined, which are wanted, and what the hub tells of them. */

import type { LogView, Refused, StoreView, Welcome } from './api.js';
import { retryable } from './error.js';
import type { ChangeFrame, ErrorFrame, JoinedFrame, MessageFrame } from './frames.js';
import { LogState } from './log.js';
import { type Batch, Source } from './source.js';
import { StoreState } from './store.js';

interface Member {
  readonly name: string;
  /**
   * `out`: not joined. `asked`: the join is under way, and what is known from before it is kept. `in`: up to date.
   * `denied`: the hub has said no.
   */
  membership: 'out' | 'asked' | 'in' | 'denied';
  /** Somebody listens, or did a moment ago. */
  wanted: boolean;
  /** The id of the join that is under way. */
  asked: number;
  /** Up to where the state is, in the hub's words; empty = nothing is held. */
  cursor: string;
  leaving: ReturnType<typeof setTimeout> | undefined;
}

export interface StoreChannel extends Member {
  readonly kind: 'store';
  readonly state: StoreState;
  readonly source: Source<StoreView<unknown>>;
}

export interface LogChannel extends Member {
  readonly kind: 'log';
  readonly state: LogState;
  readonly source: Source<LogView<unknown>>;
}

export type Channel = StoreChannel | LogChannel;

/** What the channels need of the connection. */
export interface Ground {
  readonly batch: Batch;
  /** The welcome of the present connection; null while there is none. */
  readonly here: () => Welcome | null;
  readonly nextId: () => number;
  readonly send: (text: string) => void;
}

/** A page that goes from one view to another need not leave and join again. */
const linger = 10_000;
const askAgainAfter = 1_000;
const keepByDefault = 1_000;

export class Channels {
  #ground: Ground;
  #all = new Map<string, Channel>();
  #catching = new Set<Channel>(); // joined when this connection was made, and not answered yet
  #asking: 'no' | 'soon' = 'no';
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  store(name: string): StoreChannel {
    const known = this.#all.get(name);
    if (known?.kind === 'store') return known;
    if (known) throw new TypeError(`${name} is a log here already, not a store`);
    const state = new StoreState();
    const source = this.#source(name, () => state.view());
    const channel: StoreChannel = { kind: 'store', state, source, ...newMember(name) };
    this.#all.set(name, channel);
    return channel;
  }

  log(name: string): LogChannel {
    const known = this.#all.get(name);
    if (known?.kind === 'log') return known;
    if (known) throw new TypeError(`${name} is a store here already, not a log`);
    const state = new LogState();
    const source = this.#source(name, () => state.view());
    const channel: LogChannel = { kind: 'log', state, source, ...newMember(name) };
    this.#all.set(name, channel);
    return channel;
  }

  /** Whether all that was joined when the connection was made is up to date. */
  settled(): boolean {
    return this.#catching.size === 0;
  }

  /** A connection is there: joins what is wanted, all in one message. */
  connected(): void {
    this.#ask();
    for (const channel of this.#all.values()) {
      if (channel.membership === 'asked') this.#catching.add(channel);
    }
  }

  disconnected(): void {
    this.#catching.clear();
    for (const channel of this.#all.values()) channel.membership = 'out';
  }

  joined(frame: JoinedFrame): void {
    const channel = this.#all.get(frame.channel);
    const expected = frame.id === undefined ? 'in' : 'asked';
    if (channel?.membership !== expected || (frame.id !== undefined && frame.id !== channel.asked)) return;
    if (channel.kind === 'store') channel.state.joined(frame);
    else channel.state.joined(frame, this.#keep(channel));
    channel.membership = 'in';
    channel.cursor = frame.cursor;
    this.#catching.delete(channel);
    channel.source.changed();
  }

  change(frame: ChangeFrame): void {
    const channel = this.#all.get(frame.channel);
    if (channel?.kind !== 'store' || channel.membership !== 'in') return;
    channel.state.change(frame);
    if (frame.cursor) channel.cursor = frame.cursor;
    channel.source.changed();
  }

  message(frame: MessageFrame): void {
    const channel = this.#all.get(frame.channel);
    if (channel?.kind !== 'log' || channel.membership !== 'in') return;
    channel.state.message(frame, this.#keep(channel));
    channel.cursor = frame.cursor;
    channel.source.changed();
  }

  /** The hub has told everything up to the cursor, of every channel that is in. */
  reached(cursor: string): void {
    for (const channel of this.#all.values()) {
      if (channel.membership === 'in') channel.cursor = cursor;
    }
  }

  /** A join was refused; false if the error speaks of something else. */
  refused({ id, code, detail }: ErrorFrame): boolean {
    for (const channel of this.#all.values()) {
      if (channel.membership !== 'asked' || channel.asked !== id) continue;
      if (retryable.has(code)) {
        channel.membership = 'out';
        this.#again ??= setTimeout(this.#ask, askAgainAfter);
      } else {
        this.#deny(channel, { code, detail });
      }
      return true;
    }
    return false;
  }

  close(): void {
    clearTimeout(this.#again);
    for (const channel of this.#all.values()) clearTimeout(channel.leaving);
  }

  #source<View>(name: string, view: () => View): Source<View> {
    return new Source<View>(this.#ground.batch, view, (inUse) => {
      const channel = this.#all.get(name);
      if (channel) this.#use(channel, inUse);
    });
  }

  #use(channel: Channel, inUse: boolean): void {
    clearTimeout(channel.leaving);
    if (!inUse) {
      channel.leaving = setTimeout(() => this.#leave(channel), linger);
      return;
    }
    channel.wanted = true;
    if (channel.membership === 'denied') channel.membership = 'out';
    if (this.#asking === 'soon') return;
    this.#asking = 'soon'; // what is subscribed to in one go is joined in one message
    queueMicrotask(this.#ask);
  }

  #ask = (): void => {
    this.#asking = 'no';
    clearTimeout(this.#again);
    this.#again = undefined;
    if (!this.#ground.here()) return;
    const joins: object[] = [];
    for (const channel of this.#all.values()) {
      if (!channel.wanted || channel.membership !== 'out') continue;
      channel.membership = 'asked';
      channel.asked = this.#ground.nextId();
      const { name, asked: id, cursor } = channel;
      joins.push({ type: 'join', id, channel: name, ...(cursor && { cursor }) });
    }
    if (joins.length > 0) this.#ground.send(JSON.stringify(joins));
  };

  #leave(channel: Channel): void {
    channel.wanted = false;
    if (channel.membership === 'in' || channel.membership === 'asked') {
      this.#ground.send(
        JSON.stringify([{ type: 'leave', id: this.#ground.nextId(), channel: channel.name }]),
      );
    }
    this.#catching.delete(channel);
    channel.membership = 'out';
    channel.cursor = '';
    channel.state.clear();
    channel.source.changed();
  }

  #deny(channel: Channel, reason: Refused): void {
    channel.membership = 'denied';
    this.#catching.delete(channel);
    channel.state.deny(reason);
    channel.source.changed();
  }

  #keep(channel: LogChannel): number {
    return this.#ground.here()?.channels[channel.name]?.keep ?? keepByDefault;
  }
}

function newMember(name: string): Member {
  return { name, membership: 'out', wanted: false, asked: 0, cursor: '', leaving: undefined };
}
