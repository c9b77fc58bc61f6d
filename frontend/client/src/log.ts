/** What a log holds, as a page sees it: pure, no connection and no clock. */

import type { LogMessage, LogView, Refused } from './api.js';
import type { JoinedFrame, MessageData } from './frames.js';

const empty: LogView<unknown> = { ready: false, messages: [], gap: false };

export class LogState {
  #messages: LogMessage<unknown>[] = [];
  #ready = false;
  #gap = false;
  #denied: Refused | undefined;
  #view: LogView<unknown> | undefined = empty;

  /** The snapshot: the same object until something has changed. */
  view(): LogView<unknown> {
    this.#view ??= {
      ready: this.#ready,
      messages: [...this.#messages],
      gap: this.#gap,
      ...(this.#denied && { refused: this.#denied }),
    };
    return this.#view;
  }

  /** A new message; the oldest go when there are more than `keep`. */
  message(message: MessageData, keep: number): void {
    this.#push(message);
    this.#trim(keep);
  }

  joined(frame: JoinedFrame, keep: number): void {
    // With a gap, what came before is not connected to what comes now: it is better not shown as if it were.
    if (frame.mode === 'snapshot' || frame.gap) {
      this.#messages = [];
      this.#gap = frame.gap ?? false;
    }
    const last = this.#messages.at(-1)?.position ?? 0;
    for (const message of frame.messages ?? []) {
      if (message.position > last) this.#push(message);
    }
    this.#ready = true;
    this.#denied = undefined;
    this.#trim(keep);
  }

  /** The log cannot be joined. */
  deny(reason: Refused): void {
    this.#denied = reason;
    this.#view = undefined;
  }

  /** Forgets everything, for a log that is not joined any more. */
  clear(): void {
    this.#messages = [];
    this.#ready = this.#gap = false;
    this.#view = this.#denied = undefined;
  }

  #push({ position, at, by = '', data }: MessageData): void {
    const last = this.#messages.at(-1);
    const n = last?.position === position ? last.n + 1 : 0;
    this.#messages.push({ position, n, at, by, data });
  }

  #trim(keep: number): void {
    if (this.#messages.length > keep) this.#messages.splice(0, this.#messages.length - keep);
    this.#view = undefined;
  }
}
