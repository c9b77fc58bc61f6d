/** What comes over a signal, as a page sees it: the newest of each sender, for a while. */

import type { SignalDef, SignalMessage, SignalView } from './api.js';
import type { SignalFrame } from './frames.js';
import { ChannelState } from './state.js';

/** The pace of animations: no eye sees more, and no server has to pass it on. */
const pace = 16;

type Timer = ReturnType<typeof setTimeout>;

export class SignalState extends ChannelState<SignalDef<unknown>, SignalView<unknown>> {
  #latest = new Map<string, SignalMessage<unknown>>();
  #timers = new Map<string, Timer>(); // that end a sender's silence
  #pause: Timer | undefined; // after something was sent
  #next: (() => void) | undefined; // to send after it

  view(): SignalView<unknown> {
    return { ...this.head, latest: new Map(this.#latest) };
  }

  /** A signal has come; `gone` is called when it is too old, and has been forgotten. */
  signal({ from, by, data }: SignalFrame, gone: () => void): void {
    this.#latest.set(from, { by, data });
    clearTimeout(this.#timers.get(from));
    const forget = () => {
      this.#latest.delete(from);
      gone();
    };
    this.#timers.set(from, setTimeout(forget, this.def.life));
  }

  /** Sends now, or as soon as it may: of several, the last. */
  send(send: () => void): void {
    this.#next = send;
    if (!this.#pause) this.#go();
  }

  override clear(): void {
    super.clear();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#latest.clear();
  }

  override stop(): void {
    clearTimeout(this.#pause);
    this.clear();
  }

  #go = (): void => {
    this.#pause = this.#next && setTimeout(this.#go, pace);
    this.#next?.();
    this.#next = undefined;
  };
}
