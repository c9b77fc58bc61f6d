/** What a log holds, as a page sees it: pure, no connection and no clock. */

import type { LogDef, LogMessage, LogView } from './api.js';
import type { JoinedFrame, MessageData } from './frames.js';
import { ChannelState } from './state.js';

export class LogState extends ChannelState<LogDef<unknown>, LogView<unknown>> {
  #messages: LogMessage<unknown>[] = [];
  #gap = false;

  view(): LogView<unknown> {
    return { ...this.head, messages: [...this.#messages], gap: this.#gap };
  }

  /** A new message; the oldest go when there are more than `keep`. */
  message({ position, at, by = '', data }: MessageData, keep: number): void {
    const last = this.#messages.at(-1);
    const n = last?.position === position ? last.n + 1 : 0;
    this.#messages.push({ position, n, at, by, data });
    this.#messages.splice(0, this.#messages.length - keep);
  }

  override joined(frame: JoinedFrame, keep: number): void {
    super.joined(frame, keep);
    // With a gap, what came before is not connected to what comes now: it is better not shown as if it were.
    if (frame.mode === 'snapshot' || frame.gap) {
      this.#messages = [];
      this.#gap = !!frame.gap;
    }
    const last = this.#messages.at(-1)?.position ?? 0;
    for (const message of frame.messages ?? []) {
      if (message.position > last) this.message(message, keep);
    }
  }

  override clear(): void {
    super.clear();
    this.#messages = [];
    this.#gap = false;
  }
}
