/**
 * What a store holds, as a page sees it: pure, no connection and no clock.
 *
 * Two layers. The base is what the hub has told, in its order. Over it lie the wishes: changes made here that the hub
 * has not confirmed yet, in the order they were made. A key shows its newest wish, or else its base. A wish goes
 * when its change comes from the hub, when the write is answered, or when it is refused; what then shows is the base as
 * it is by now, never the one that was there when the wish was made.
 */

import type { KeyState, Refused, StoreView } from './api.js';
import type { ChangeFrame, JoinedFrame, ValueFrame } from './frames.js';

type Base = Required<ValueFrame>;

interface Wish {
  readonly op: string;
  /** undefined: the key shall go. JSON has no undefined, so no value is mistaken for that. */
  readonly value: unknown;
}

const empty: StoreView<unknown> = { ready: false, values: new Map(), keys: new Map() };

export class StoreState {
  #base = new Map<string, Base>();
  #wishes = new Map<string, Wish[]>();
  #keysOf = new Map<string, readonly string[]>(); // of the operations that have wishes
  #answered = new Set<string>(); // operations that are done, but whose change the base may lack
  #refused = new Map<string, Refused>();
  #denied: Refused | undefined; // why the store cannot be joined
  #ready = false;
  #touched = new Set<string>();
  #view = empty;

  /** The snapshot: the same object until something has changed. */
  view(): StoreView<unknown> {
    const before = this.#view;
    if (this.#touched.size === 0 && before.ready === this.#ready && before.refused === this.#denied)
      return before;
    const values = new Map(before.values);
    const keys = new Map(before.keys);
    for (const key of this.#touched) {
      const base = this.#base.get(key);
      const wish = this.#wishes.get(key)?.at(-1);
      const value = wish ? wish.value : base?.value;
      const refused = this.#refused.get(key);
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      if (base || wish || refused) keys.set(key, keyState(base, wish, refused));
      else keys.delete(key);
    }
    this.#touched.clear();
    this.#view = { ready: this.#ready, values, keys, ...(this.#denied && { refused: this.#denied }) };
    return this.#view;
  }

  /** A change made here, on its way to the hub. The values must be JSON that nobody else changes. */
  wish(op: string, set: Readonly<Record<string, unknown>>, gone: readonly string[]): void {
    const values = new Map<string, unknown>(Object.entries(set));
    for (const key of gone) values.set(key, undefined);
    for (const [key, value] of values) {
      const wishes = this.#wishes.get(key) ?? [];
      wishes.push({ op, value });
      this.#wishes.set(key, wishes);
      this.#refused.delete(key);
      this.#touched.add(key);
    }
    this.#keysOf.set(op, [...values.keys()]);
  }

  /**
   * The hub has saved the change. If the base is up to date it has the change already (an answer never overtakes it);
   * while a join is under way the wish stays until that is answered.
   */
  answered(op: string, base: 'current' | 'coming'): void {
    if (base === 'current') this.#settle(op);
    else this.#answered.add(op);
  }

  /** The hub has refused the change. */
  refuse(op: string, reason: Refused): void {
    for (const key of this.#keysOf.get(op) ?? []) {
      this.#refused.set(key, reason);
    }
    this.#settle(op);
  }

  dismiss(key: string): void {
    if (this.#refused.delete(key)) this.#touched.add(key);
  }

  /** The hub tells of a change. One that was made here replaces its wish, with the same value objects. */
  change(frame: ChangeFrame): void {
    const { position = 0, by = '', at = '' } = frame;
    for (const [key, sent] of Object.entries(frame.set ?? {})) {
      const own = this.#wishes.get(key)?.find((w) => w.op === frame.op);
      this.#base.set(key, { value: own?.value ?? sent, position, by, at });
      this.#touched.add(key);
    }
    for (const key of frame.delete ?? []) {
      this.#base.delete(key);
      this.#touched.add(key);
    }
    if (frame.op !== undefined) this.#settle(frame.op);
  }

  /** The hub tells what the store has, or has since the cursor. */
  joined(frame: JoinedFrame): void {
    const values = frame.values ?? {};
    const gone =
      frame.mode === 'delta'
        ? (frame.removed ?? [])
        : [...this.#base.keys()].filter((k) => !Object.hasOwn(values, k));
    for (const key of gone) {
      this.#base.delete(key);
      this.#touched.add(key);
    }
    for (const [key, { value, position = 0, by = '', at = '' }] of Object.entries(values)) {
      const base = { value, position, by, at };
      // What is the same stays the same object: whoever shows it has nothing to do after a reconnect.
      if (JSON.stringify(base) === JSON.stringify(this.#base.get(key))) continue;
      this.#base.set(key, base);
      this.#touched.add(key);
    }
    for (const op of [...this.#answered]) this.#settle(op);
    this.#ready = true;
    this.#denied = undefined;
  }

  /** The store cannot be joined. */
  deny(reason: Refused): void {
    this.#denied = reason;
  }

  /** Forgets what the hub has told, for a store that is not joined any more. Wishes stay until they are answered. */
  clear(): void {
    for (const key of this.#base.keys()) this.#touched.add(key);
    this.#base.clear();
    for (const op of [...this.#answered]) this.#settle(op);
    this.#ready = false;
    this.#denied = undefined;
  }

  #settle(op: string): void {
    for (const key of this.#keysOf.get(op) ?? []) {
      const left = this.#wishes.get(key)?.filter((w) => w.op !== op) ?? [];
      if (left.length > 0) this.#wishes.set(key, left);
      else this.#wishes.delete(key);
      this.#touched.add(key);
    }
    this.#keysOf.delete(op);
    this.#answered.delete(op);
  }
}

function keyState(base: Base | undefined, wish: Wish | undefined, refused: Refused | undefined): KeyState {
  return {
    position: base?.position ?? 0,
    by: base?.by ?? '',
    at: base?.at ?? '',
    saving: wish !== undefined,
    ...(refused && { refused }),
  };
}
