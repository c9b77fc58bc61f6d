/**
 * What a store holds, as a page sees it: pure, no connection and no clock.
 *
 * Two layers. The base is what the hub has told, in its order; a key without a value has the default of the store's
 * rules. Over it lie the wishes: changes made here that the hub has not confirmed yet, in the order they were made. A
 * key shows its base with its wishes applied. A wish goes when its change comes from the hub, when the write is
 * answered, or when it is refused; what then shows is the base as it is by now, never the one that was there when the
 * wish was made.
 */

import type { KeyState, Refused, StoreDef, StoreView } from './api.js';
import type { ChangeFrame, JoinedFrame, KeysFrame, ValueFrame } from './frames.js';
import { newer, patched } from './json.js';
import { ChannelState } from './state.js';

/** The keys that a write touches. */
export function keysOf({ set, patch, delete: gone = [] }: KeysFrame): string[] {
  return [...Object.keys({ ...set, ...patch }), ...gone];
}

/** A change of one key that is on its way. */
interface Wish {
  readonly op: string;
  /** What it makes of the value before it. undefined: no value, but for the default. */
  readonly of: (value: unknown) => unknown;
  /** The position that the key showed when it was made. */
  readonly on: number;
  /** What the key shows after it. */
  value: unknown;
}

export class StoreState extends ChannelState<StoreDef<unknown>, StoreView<unknown>> {
  /** What the hub has told. */
  readonly base = new Map<string, Required<ValueFrame>>();
  #defaults = new Map<string, unknown>();
  #wishes = new Map<string, Wish[]>(); // by key, in the order they were made
  #answered: [op: string, keys: readonly string[]][] = []; // that are done, but whose change the base may lack
  #refused = new Map<string, Refused>();
  #touched = new Set<string>();
  #shown = this.head;
  #view: StoreView<unknown> = { ...this.head, values: new Map(), keys: new Map() };

  view(): StoreView<unknown> {
    if (this.#touched.size === 0 && this.#shown === this.head) return this.#view;
    const values = new Map(this.#view.values);
    const keys = new Map(this.#view.keys);
    for (const key of this.#touched) {
      const { value, ...state } = this.#show(key);
      if (value === undefined) values.delete(key);
      else values.set(key, newer(values.get(key), value));
      if (value !== undefined || state.saving || state.refused) keys.set(key, newer(keys.get(key), state));
      else keys.delete(key);
    }
    this.#touched.clear();
    this.#shown = this.head;
    this.#view = { ...this.head, values, keys };
    return this.#view;
  }

  /** A change made here, on its way to the hub. The values must be JSON that nobody else changes. */
  wish(op: string, { set = {}, delete: gone = [], patch = {} }: KeysFrame): void {
    const add = (key: string, of: Wish['of']) => {
      const wishes = this.#wishes.get(key) ?? [];
      this.#wishes.set(key, wishes);
      this.#refused.delete(key);
      this.#fold(key, wishes.push({ op, of, on: this.#show(key).position, value: undefined }) - 1);
    };
    for (const [key, value] of Object.entries(set)) add(key, () => value);
    for (const [key, change] of Object.entries(patch)) add(key, (value) => patched(value, change));
    for (const key of gone) add(key, () => this.#defaults.get(key));
  }

  /**
   * The hub has saved the change. If the base is up to date it has the change already (an answer never overtakes it);
   * while a join is under way (`asked`) the wish stays until that is answered.
   */
  answered(op: string, keys: readonly string[], membership: string): void {
    if (membership === 'asked') this.#answered.push([op, keys]);
    else this.#settle(op, keys);
  }

  /** The change of the keys is refused: by the hub, or before it was sent. */
  refuse(op: string, keys: readonly string[], reason: Refused): void {
    for (const key of keys) this.#refused.set(key, reason);
    this.#settle(op, keys);
  }

  dismiss(key: string): void {
    if (this.#refused.delete(key)) this.#touched.add(key);
  }

  /** The hub tells of a change. One that was made here replaces its wish. */
  change(frame: ChangeFrame): void {
    const { set = {}, patch = {}, delete: gone = [], op = '', ...origin } = frame;
    for (const [key, value] of Object.entries(set)) this.#put(key, { value, ...origin });
    for (const [key, change] of Object.entries(patch)) {
      this.#put(key, { value: patched(this.base.get(key)?.value, change), ...origin });
    }
    for (const key of gone) this.#drop(key);
    this.#settle(op, keysOf(frame));
  }

  override joined(frame: JoinedFrame, keep: number): void {
    super.joined(frame, keep);
    const { id, mode, values = {}, removed = [], defaults = {} } = frame;
    for (const key of mode === 'delta' ? removed : this.base.keys()) this.#drop(key);
    for (const [key, value] of Object.entries(values)) this.#put(key, value);
    // They come with the answer to a join; by itself, the hub tells only what has changed.
    if (id !== undefined) {
      const before = this.#defaults;
      this.#defaults = new Map(Object.entries(defaults));
      for (const key of [...before.keys(), ...this.#defaults.keys()]) this.#fold(key);
    }
    for (const [op, keys] of this.#answered.splice(0)) this.#settle(op, keys);
  }

  /** Wishes stay until they are answered. */
  override clear(): void {
    this.joined({ id: 0 } as JoinedFrame, 0); // a snapshot of nothing
    super.clear();
  }

  #show(key: string): KeyState & { value: unknown } {
    const told = this.#told(key);
    const wishes = this.#wishes.get(key) ?? [];
    const last = wishes.at(-1);
    const refused = this.#refused.get(key);
    return {
      ...told,
      ...(last && { value: last.value }),
      // What somebody else does meanwhile is not in what is shown: who writes on condition of that has to hear of it.
      position: wishes[0]?.on ?? told.position,
      saving: !!last,
      ...(refused && { refused }),
    };
  }

  /** What the hub has told of a key. */
  #told(key: string): Required<ValueFrame> {
    return this.base.get(key) ?? { value: this.#defaults.get(key), position: 0, by: '', at: '' };
  }

  #put(key: string, { value, position = 0, by = '', at = '' }: ValueFrame): void {
    this.base.set(key, { value, position, by, at });
    this.#fold(key);
  }

  #drop(key: string): void {
    this.base.delete(key);
    this.#fold(key);
  }

  /** Works out what is shown after the wishes of a key from the n-th on, as far as that has become another. */
  #fold(key: string, n = 0): void {
    this.#touched.add(key);
    const wishes = this.#wishes.get(key) ?? [];
    let value = (wishes[n - 1] ?? this.#told(key)).value;
    for (let wish = wishes[n]; wish; wish = wishes[++n]) {
      value = newer(wish.value, wish.of(value));
      if (value === wish.value) return;
      wish.value = value;
    }
  }

  #settle(op: string, keys: readonly string[]): void {
    for (const key of keys) {
      const wishes = this.#wishes.get(key) ?? [];
      const n = wishes.findIndex((wish) => wish.op === op);
      this.#wishes.set(
        key,
        wishes.filter((wish) => wish.op !== op), // shown before it was taken up, it is there twice
      );
      this.#fold(key, Math.max(0, n));
    }
  }
}
