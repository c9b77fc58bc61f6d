/** What is so of the states of all kinds of channels. */

import type { ChannelDef, ChannelView } from './api.js';
import type { JoinedFrame } from './frames.js';

const out: ChannelView = { ready: false };

export abstract class ChannelState<Def extends ChannelDef, View extends ChannelView> {
  readonly def: Def;
  /** What every view begins with; another object whenever it changes. */
  head = out;

  constructor(def: Def) {
    this.def = def;
  }

  /** The snapshot: the same object until something has changed. */
  abstract view(): View;

  /** The hub tells what the channel has, or has since the cursor; a log keeps so many messages. */
  joined({ reason }: JoinedFrame, _keep: number): void {
    this.head = { ready: true, ...(reason && { reason }) };
  }

  /** The channel cannot be joined, or sent to. */
  deny(refused: NonNullable<ChannelView['refused']>): void {
    this.head = { ...this.head, refused };
  }

  /** Forgets what the hub has told, for a channel that is not joined any more. */
  clear(): void {
    this.head = out;
  }

  /** Ends the timers, if there are any. */
  stop(): void {}
}
