/**
 * One channel as the hub has told it over a socket that several tabs share: what a tab that joins later is told of it.
 * Pure, no connection and no clock.
 */

import type { ChangeFrame, JoinedFrame, MessageData, MessageFrame, ValueFrame } from './frames.js';
import { patched } from './json.js';

/** A tab that wants a channel, and under which id it has asked. */
export interface Asker {
  readonly port: string;
  readonly id: number;
  /** Of a log: so many of the newest. */
  readonly last: number;
  /** What it has seen already, by a cursor; '' = nothing. It is told nothing older. */
  readonly seen: string;
}

export class Held {
  /** `asked`: the hub has not answered the join yet. */
  state: 'asked' | 'in' = 'asked';
  /** The id of the join that is under way, how much of a log it asks for, and what it is not to be older than. */
  id = 0;
  last: number;
  seen = '';
  /** The ports that have joined, and those that wait for it. */
  readonly readers = new Set<string>();
  askers: Asker[] = [];
  #values = new Map<string, ValueFrame>();
  #defaults: JoinedFrame['defaults'];
  #messages: MessageData[] = [];
  #gap = false;
  #cursor = '';

  constructor(last: number) {
    this.last = last;
  }

  joined(frame: JoinedFrame): void {
    const { id, mode, cursor, values = {}, removed = [], messages = [], gap = false, defaults } = frame;
    if (mode === 'snapshot' || gap) {
      this.#messages = [];
      this.#gap = gap;
    }
    if (mode === 'snapshot') this.#values.clear();
    for (const key of removed) this.#values.delete(key);
    for (const [key, value] of Object.entries(values)) this.#values.set(key, value);
    const newest = this.#messages.at(-1)?.position ?? 0;
    this.#messages.push(...messages.filter(({ position }) => position > newest));
    if (id !== undefined) this.#defaults = defaults;
    this.#cursor = cursor;
    this.state = 'in';
  }

  change({
    set = {},
    patch = {},
    delete: gone = [],
    type: _,
    channel: __,
    op: ___,
    cursor,
    ...origin
  }: ChangeFrame): void {
    for (const [key, value] of Object.entries(set)) this.#values.set(key, { value, ...origin });
    for (const [key, change] of Object.entries(patch)) {
      this.#values.set(key, { value: patched(this.#values.get(key)?.value, change), ...origin });
    }
    for (const key of gone) this.#values.delete(key);
    this.#cursor = cursor ?? this.#cursor;
  }

  /** A new message; a log keeps so many. */
  message({ type: _, channel: __, cursor, ...message }: MessageFrame, keep: number): void {
    this.#messages.push(message);
    this.#messages.splice(0, this.#messages.length - keep);
    this.#cursor = cursor;
  }

  /** All there is, as the hub would answer a join. */
  snapshot(channel: string, { id, last }: Pick<Asker, 'id' | 'last'>): JoinedFrame {
    const messages = this.#messages.slice(-last);
    return {
      ...this.#head(channel, 'snapshot'),
      id,
      ...(this.#defaults && { defaults: this.#defaults }),
      values: Object.fromEntries(this.#values),
      messages: last === 0 ? [] : messages,
      ...(this.#gap && { gap: true }),
    };
  }

  /** What those are told who had joined before it was joined again: there may be something new to them in it. */
  again(channel: string): JoinedFrame {
    return { ...this.#head(channel, 'delta'), messages: this.#messages };
  }

  #head(channel: string, mode: JoinedFrame['mode']) {
    return { type: 'joined', channel, cursor: this.#cursor, mode } as const;
  }
}
