/** The channels of a page: which are joined, which are wanted, and what the hub tells of them. */

import type { ChannelDef, ChannelView, Welcome } from './api.js';
import { refusal, retryable } from './error.js';
import type { ChangeFrame, ErrorFrame, JoinedFrame, MessageFrame, SignalFrame } from './frames.js';
import { LogState } from './log.js';
import { SignalState } from './signal.js';
import { type Batch, Source } from './source.js';
import type { ChannelState } from './state.js';
import { StoreState } from './store.js';

type AnyState = ChannelState<ChannelDef, ChannelView>;

export interface Channel<State extends AnyState = AnyState> {
  readonly state: State;
  readonly source: Source<ReturnType<State['view']>>;
  /**
   * `out`: not joined. `asked`: the join is under way, and what is known from before it is kept. `in`: up to date.
   * `denied`: the hub has said no.
   */
  membership: 'out' | 'asked' | 'in' | 'denied';
  /** Somebody listens, or did a moment ago. */
  wanted: boolean;
  /** The id of the join that is under way, and of the signal that was sent last. */
  asked: number;
  sent: number;
  /** Up to where the state is, in the hub's words; empty = nothing is held. */
  cursor: string;
  leaving?: ReturnType<typeof setTimeout>;
}

/** What the channels need of the connection. */
export interface Ground {
  readonly batch: Batch;
  /** The welcome of the present connection; null while there is none. */
  readonly here: () => Welcome | null;
  readonly nextId: () => number;
  readonly send: (frames: readonly object[]) => void;
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

  /** The channel of that name, always the same. */
  open<Def extends ChannelDef, State extends AnyState>(
    def: Def,
    kind: new (def: Def) => State,
  ): Channel<State> {
    const known = this.#all.get(def.name);
    if (known?.state instanceof kind) return known as Channel<State>;
    if (known) throw new TypeError(`${def.name} is a ${known.state.def.kind} here already`);
    const state = new kind(def);
    const channel: Channel<State> = {
      state,
      source: new Source(
        this.#ground.batch,
        () => state.view() as ReturnType<State['view']>,
        (inUse) => this.#use(channel, inUse),
      ),
      ...{ membership: 'out', wanted: false, asked: 0, sent: 0, cursor: '' },
    };
    this.#all.set(def.name, channel);
    return channel;
  }

  /** Whether all that was joined when the connection was made is up to date. */
  settled(): boolean {
    return this.#catching.size === 0;
  }

  /** A connection is there: joins what is wanted, all in one message. `behind`: what is shown is old until they are answered. */
  connected(behind: boolean): void {
    this.#ask();
    for (const channel of this.#all.values()) {
      if (behind && channel.membership === 'asked') this.#catching.add(channel);
    }
  }

  /**
   * A welcome: nothing is joined, on an old connection no longer. A join that is under way there will be answered. What
   * is held of a channel that has got another scope, or of another proposal, is not what the hub will go on from.
   */
  left(before: Welcome, now: Welcome): void {
    for (const [name, channel] of this.#all) {
      if (channel.membership !== 'asked') channel.membership = 'out';
      const moved = before.channels[name]?.scope !== now.channels[name]?.scope;
      if (moved || before.you.proposal !== now.you.proposal) channel.cursor = '';
    }
  }

  disconnected(): void {
    for (const channel of this.#all.values()) channel.membership = 'out';
  }

  joined(frame: JoinedFrame): void {
    const { id } = frame; // from 1 on
    const channel = this.#all.get(frame.channel);
    if (channel?.membership !== (id ? 'asked' : 'in') || (id && id !== channel.asked)) return;
    channel.state.joined(frame, this.#keep(channel));
    channel.membership = 'in';
    channel.cursor = frame.cursor;
    this.#catching.delete(channel);
    channel.source.changed();
  }

  /** The hub tells of what is new in a channel. */
  tell(frame: ChangeFrame | MessageFrame | SignalFrame): void {
    const channel = this.#all.get(frame.channel);
    if (channel?.membership !== 'in') return;
    const { state, source } = channel;
    if (frame.type === 'change' && state instanceof StoreState) state.change(frame);
    if (frame.type === 'message' && state instanceof LogState) state.message(frame, this.#keep(channel));
    if (frame.type === 'signal' && state instanceof SignalState) state.signal(frame, () => source.changed());
    if (frame.cursor) channel.cursor = frame.cursor;
    source.changed();
  }

  /** Sends a signal, unless there is no connection: nobody wants it later. */
  send(channel: Channel, data: unknown): void {
    if (!this.#ground.here()) return;
    channel.sent = this.#ground.nextId();
    this.#ground.send([{ type: 'send', id: channel.sent, channel: channel.state.def.name, data }]);
  }

  /** The hub has told everything up to the cursor, of every channel that is in. */
  reached(cursor: string): void {
    for (const channel of this.#all.values()) {
      if (channel.membership === 'in') channel.cursor = cursor;
    }
  }

  /** A join or a signal was refused; false if the error speaks of something else. */
  refused(error: ErrorFrame): boolean {
    const { id, code } = error;
    for (const channel of this.#all.values()) {
      const joining = channel.membership === 'asked' && channel.asked === id;
      if (!joining && channel.sent !== id) continue;
      if (!retryable.has(code)) {
        if (joining) channel.membership = 'denied';
        this.#catching.delete(channel);
        channel.state.deny(refusal(error));
        channel.source.changed();
      } else if (joining) {
        channel.membership = 'out';
        this.#again ??= setTimeout(this.#ask, askAgainAfter);
      }
      return true;
    }
    return false;
  }

  close(): void {
    clearTimeout(this.#again);
    for (const channel of this.#all.values()) {
      clearTimeout(channel.leaving);
      channel.state.stop();
    }
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
      const { asked: id, cursor } = channel;
      const { def } = channel.state;
      const last = def.kind === 'log' ? def.last : undefined;
      joins.push({ type: 'join', id, channel: def.name, ...(cursor ? { cursor } : { last }) });
    }
    if (joins.length > 0) this.#ground.send(joins);
  };

  #leave(channel: Channel): void {
    channel.wanted = false;
    if (channel.membership === 'in' || channel.membership === 'asked') {
      this.#ground.send([{ type: 'leave', id: this.#ground.nextId(), channel: channel.state.def.name }]);
    }
    this.#catching.delete(channel);
    channel.membership = 'out';
    channel.cursor = '';
    channel.state.clear();
    channel.source.changed();
  }

  #keep({ state }: Channel): number {
    return this.#ground.here()?.channels[state.def.name]?.keep ?? keepByDefault;
  }
}
