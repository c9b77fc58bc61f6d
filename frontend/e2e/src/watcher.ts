/** Somebody who only reads, over Server-Sent Events and a line that does not break: what the hub has told, in its order. */

import { until } from './waiting.ts';

/** What is used of the frames of the protocol. */
export interface Frame {
  readonly type: string;
  readonly channel?: string;
  readonly op?: string;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly patch?: Readonly<Record<string, unknown>>;
  readonly delete?: readonly string[];
  readonly data?: unknown;
  readonly messages?: readonly { readonly data: unknown }[];
  readonly values?: Readonly<Record<string, { readonly value: unknown }>>;
}

export class Watcher {
  readonly frames: Frame[] = [];
  #end = new AbortController();

  /** Follows channels from now on. */
  static async on(url: string, cookie: string, channels: readonly string[]): Promise<Watcher> {
    const watcher = new Watcher();
    const events = `${url}/api/v1/spaces/demo/events?channels=${channels}`;
    const { body } = await fetch(events, { headers: { cookie }, signal: watcher.#end.signal });
    if (!body) throw new Error('there are no events');
    void watcher.#read(body);
    await until('what there is', () => watcher.joined().length === channels.length);
    return watcher;
  }

  /** What it was told of whole channels: once of each, unless it was too slow to be told every change. */
  joined(): readonly Frame[] {
    return this.frames.filter(({ type }) => type === 'joined');
  }

  close(): void {
    this.#end.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const words = new TextDecoder();
    let text = '';
    try {
      for await (const part of body as unknown as AsyncIterable<Uint8Array>) {
        const lines = (text + words.decode(part, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) {
          if (line.startsWith('data: ')) this.frames.push(...(JSON.parse(line.slice(6)) as Frame[]));
        }
      }
    } catch (err) {
      if (!this.#end.signal.aborted) throw err;
    }
  }
}
