/**
 * The operations of this page that the hub has not answered, and when each is sent: pure, the time is given.
 *
 * - They are sent in the order they were made, at most `limit` unanswered, each again after a reconnect, with the same
 *   operation id; so each is applied once, and in order. What is sent again says so: the first sending may be on its way
 *   still, and is not done once the hub has refused the second.
 * - Two that touch the same thing (a key, a log, the commands) are never under way together: when the first has to be
 *   sent again, it would otherwise be applied over the second.
 * - When the hub cannot do one now, nothing more is sent for a while; then it goes first.
 */

import type { BatonError } from './error.js';
import type { AnswerFrame } from './frames.js';

export interface Operation {
  readonly id: number;
  readonly op: string;
  /** The message as it is sent, every time, after `[{`: what is so of this sending only goes between. */
  readonly text: string;
  /** What it touches. */
  readonly lanes: readonly string[];
  /** When it is given up, in milliseconds of the caller's clock; Infinity = never. */
  readonly deadline: number;
  /** A stop does not wait in any line. */
  readonly kind: 'change' | 'call' | 'stop';
  readonly done: (answer: AnswerFrame) => void;
  readonly failed: (error: BatonError) => void;
}

/** `unsent`: it was never sent. `sent`: on this connection. `again`: on an earlier one, or the hub could not do it then. */
export type Entry = Operation & { state: 'unsent' | 'again' | 'sent'; notBefore: number };

const firstPause = 500;
const longestPause = 10_000;
/** Before a stop is tried again. */
const stopPause = 250;
/** Between operations when the hub has said that they are too many: it lets 20 a second through. */
const gapWhenTooMany = 60;

export class Outbox {
  /** Nothing is sent but stops. */
  held = false;
  /** How many the hub accepts unanswered. */
  limit = 32;
  /** In the order in which they go out. */
  readonly entries = new Map<number, Entry>();
  #pauseUntil = 0;
  #pauses = 0; // since the last answer that was not "not now"
  #gap = 0;

  add(operation: Operation & Partial<Entry>): void {
    this.entries.set(operation.id, { state: 'unsent', notBefore: 0, ...operation });
  }

  /** The messages to send now, in order, each after `[{`; they count as sent. */
  take(now: number): string[] {
    const texts: string[] = [];
    const busy = new Set<string>();
    let unanswered = 0;
    let line: 'moving' | 'blocked' = this.held || now < this.#pauseUntil ? 'blocked' : 'moving';
    for (const entry of this.entries.values()) {
      if (entry.state !== 'sent') {
        if (unanswered >= this.limit || entry.lanes.some((lane) => busy.has(lane))) line = 'blocked';
        if (entry.kind === 'stop' ? now < entry.notBefore : line === 'blocked') continue;
        texts.push((entry.state === 'again' ? '"again":true,' : '') + entry.text);
        entry.state = 'sent';
        if (this.#gap > 0 && line === 'moving') {
          this.#pauseUntil = now + this.#gap;
          line = 'blocked';
        }
      }
      unanswered++;
      for (const lane of entry.lanes) busy.add(lane);
    }
    return texts;
  }

  /** Takes the operation out whose answer has come. */
  answered(id: number): Operation | undefined {
    const entry = this.entries.get(id);
    if (!entry) return undefined;
    this.entries.delete(id);
    this.#pauses = 0;
    if (this.entries.size === 0) this.#gap = 0;
    return entry;
  }

  /** The hub cannot do it now. `random` is from 0 to 1. */
  notNow(id: number, reason: 'later' | 'too many', now: number, random: number): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.state = 'again';
    entry.notBefore = now + stopPause;
    if (reason === 'too many') this.#gap = gapWhenTooMany;
    if (now >= this.#pauseUntil || this.#pauses === 0) {
      const longest = Math.min(longestPause, firstPause * 2 ** this.#pauses++);
      this.#pauseUntil = now + longest * (0.5 + random / 2);
    }
  }

  /** The connection is gone: what was sent is sent again, on the next. */
  disconnected(): void {
    for (const entry of this.entries.values()) {
      if (entry.state === 'sent') entry.state = 'again';
    }
    this.#pauseUntil = this.#pauses = this.#gap = 0;
  }

  /** Takes out what is past its deadline. */
  expired(now: number): readonly Entry[] {
    return this.#remove((entry) => entry.deadline <= now);
  }

  /** Takes out the calls that are not under way on this connection, because a stop was given after them. */
  withdraw(): readonly Entry[] {
    return this.#remove((entry) => entry.kind === 'call' && entry.state !== 'sent');
  }

  /** Takes everything out, at the end. */
  drain(): readonly Operation[] {
    return this.#remove(() => true);
  }

  /** When to look again, for deadlines and the end of a pause; Infinity = only when something happens. */
  wakeAt(now: number): number {
    let at = Infinity;
    for (const entry of this.entries.values()) {
      at = Math.min(at, entry.deadline);
      const next = entry.kind === 'stop' ? entry.notBefore : this.#pauseUntil;
      if (entry.state !== 'sent' && next > now) at = Math.min(at, next);
    }
    return at;
  }

  #remove(which: (entry: Entry) => boolean): readonly Entry[] {
    const removed = [...this.entries.values()].filter(which);
    for (const { id } of removed) this.entries.delete(id);
    return removed;
  }
}
