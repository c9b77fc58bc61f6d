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

/** A change of one key that is on its way. */
interface Wish {
  /** What it makes of the value before it. undefined: no value, but for the default. */
  readonly of: (value: unknown) => unknown;
  /** The position that the key showed when it was made. */
  readonly on: number;
}

export class StoreState extends ChannelState<StoreDef<unknown>, StoreView<unknown>> {
  /** What the hub has told. */
  readonly base = new Map<string, Required<ValueFrame>>();
  #defaults = new Map<string, unknown>();
  #wishes = new Map<string, Map<string, Wish>>(); // by operation, in order, then by key
  #answered = new Set<string>(); // operations that are done, but whose change the base may lack
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
    const wishes = this.#wishes.get(op) ?? new Map<string, Wish>();
    const add = (key: string, of: Wish['of']) => wishes.set(key, { of, on: this.#show(key).position });
    for (const [key, value] of Object.entries(set)) add(key, () => value);
    for (const [key, change] of Object.entries(patch)) add(key, (value) => patched(value, change));
    for (const key of gone) add(key, () => this.#defaults.get(key));
    for (const key of wishes.keys()) {
      this.#refused.delete(key);
      this.#touched.add(key);
    }
    this.#wishes.set(op, wishes);
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
    for (const key of this.#wishes.get(op)?.keys() ?? []) this.#refused.set(key, reason);
    this.#settle(op);
  }

  dismiss(key: string): void {
    if (this.#refused.delete(key)) this.#touched.add(key);
  }

  /** The hub tells of a change. One that was made here replaces its wish. */
  change({ set = {}, patch = {}, delete: gone = [], op, ...origin }: ChangeFrame): void {
    for (const [key, value] of Object.entries(set)) this.#put(key, { value, ...origin });
    for (const [key, change] of Object.entries(patch)) {
      this.#put(key, { value: patched(this.base.get(key)?.value, change), ...origin });
    }
    for (const key of gone) this.#drop(key);
    if (op !== undefined) this.#settle(op);
  }

  override joined(frame: JoinedFrame, keep: number): void {
    super.joined(frame, keep);
    const { id, mode, values = {}, removed = [], defaults = {} } = frame;
    for (const key of mode === 'delta' ? removed : this.base.keys()) this.#drop(key);
    for (const [key, value] of Object.entries(values)) this.#put(key, value);
    // They come with the answer to a join; by itself, the hub tells only what has changed.
    if (id !== undefined) {
      for (const key of [...this.#defaults.keys(), ...Object.keys(defaults)]) this.#touched.add(key);
      this.#defaults = new Map(Object.entries(defaults));
    }
    for (const op of this.#answered) this.#settle(op);
  }

  /** Wishes stay until they are answered. */
  override clear(): void {
    this.joined({ type: 'joined', id: 0, channel: '', cursor: '', mode: 'snapshot' }, 0);
    super.clear();
  }

  #show(key: string): KeyState & { value: unknown } {
    const { value, position, by, at } = this.base.get(key) ?? {
      value: this.#defaults.get(key),
      position: 0,
      by: '',
      at: '',
    };
    const wishes = [...this.#wishes.values()].flatMap((wished) => wished.get(key) ?? []);
    const refused = this.#refused.get(key);
    return {
      value: wishes.reduce((before, wish) => wish.of(before), value),
      // What somebody else does meanwhile is not in what is shown: who writes on condition of that has to hear of it.
      position: wishes[0]?.on ?? position,
      ...{ by, at },
      saving: wishes.length > 0,
      ...(refused && { refused }),
    };
  }

  #put(key: string, { value, position = 0, by = '', at = '' }: ValueFrame): void {
    this.base.set(key, { value, position, by, at });
    this.#touched.add(key);
  }

  #drop(key: string): void {
    this.base.delete(key);
    this.#touched.add(key);
  }

  #settle(op: string): void {
    for (const key of this.#wishes.get(op)?.keys() ?? []) this.#touched.add(key);
    this.#wishes.delete(op);
    this.#answered.delete(op);
  }
}
