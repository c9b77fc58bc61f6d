/**
 * Readables and when their listeners are told. Everything that one message of the hub changes is changed first; then
 * each listener is told once, so that nobody sees half of a message.
 */

import type { Readable } from './api.js';

export class Batch {
  #depth = 0;
  #told = new Set<() => void>();

  /** Does the work, then tells the listeners of what it changed. Nested runs tell at the end of the outermost. */
  run(work: () => void): void {
    this.#depth++;
    try {
      work();
    } finally {
      if (--this.#depth === 0) this.#tell();
    }
  }

  tell(listeners: Iterable<() => void>): void {
    for (const listener of listeners) this.#told.add(listener);
    if (this.#depth === 0) this.#tell();
  }

  #tell(): void {
    const told = this.#told;
    this.#told = new Set();
    for (const listener of told) {
      try {
        listener();
      } catch (err) {
        // A listener's mistake is not the other listeners' problem, nor that of the connection.
        queueMicrotask(() => {
          throw err;
        });
      }
    }
  }
}

/** A Readable whose snapshot is computed when it is asked for after a change, and kept until the next. */
export class Source<T> implements Readable<T> {
  #batch: Batch;
  #compute: () => T;
  #used: ((inUse: boolean) => void) | undefined;
  #listeners = new Set<() => void>();
  #snapshot: T | undefined; // undefined: it has changed

  /** `used` hears when the first listener comes and the last one goes. */
  constructor(batch: Batch, compute: () => T, used?: (inUse: boolean) => void) {
    this.#batch = batch;
    this.#compute = compute;
    this.#used = used;
  }

  readonly get = (): T => {
    this.#snapshot ??= this.#compute();
    return this.#snapshot;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    // Not told any more once it has unsubscribed, not even by a round that has begun.
    const entry = () => {
      if (this.#listeners.has(entry)) listener();
    };
    this.#listeners.add(entry);
    if (this.#listeners.size === 1) this.#used?.(true);
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.#used?.(false);
    };
  };

  changed(): void {
    this.#snapshot = undefined;
    this.#batch.tell(this.#listeners);
  }
}

/** A Source whose value is set. */
export class Cell<T> extends Source<T> {
  #value: T;

  constructor(batch: Batch, value: T) {
    super(batch, () => this.#value);
    this.#value = value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    this.changed();
  }
}
