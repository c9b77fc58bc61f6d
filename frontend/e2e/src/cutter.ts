/** A line to a hub that breaks all the time: in the middle of what is said, after a silence, before an answer. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Where a connection ends: after so many bytes towards the page or the hub; when the hub speaks for the first time after so
 * many messages to it, so that what it has done is not answered; or after so many bytes, a silence first.
 */
interface Plan {
  readonly at: 'down' | 'up' | 'answer' | 'silence';
  readonly after: number;
}

const greeting = 1_500; // more than a connection begins with

export class Cutter {
  readonly url: string;
  /** How many connections were cut. */
  cuts = 0;
  #server: Server;
  #hub: URL;
  #random: () => number;
  #state: 'cutting' | 'whole' = 'cutting';
  #open = new Set<() => void>();

  private constructor(server: Server, hub: URL, random: () => number) {
    this.#server = server;
    this.#hub = hub;
    this.#random = random;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (page) => this.#connect(page));
  }

  /** Puts a line before a hub; `random` decides where it breaks. */
  static async before(hub: string, random: () => number): Promise<Cutter> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Cutter(server, new URL(hub), random);
  }

  /** Breaks no more. */
  heal(): void {
    this.#state = 'whole';
  }

  close(): void {
    this.#server.close();
    for (const cut of [...this.#open]) cut();
  }

  #connect(page: Socket): void {
    const hub = connect(Number(this.#hub.port), this.#hub.hostname);
    const plan = this.#plan();
    let left = plan.after;
    let said = 0;
    let state: 'on' | 'silent' | 'cut' = 'on';
    const cut = () => {
      if (state === 'cut') return;
      state = 'cut';
      this.#open.delete(cut);
      page.destroy();
      hub.destroy();
    };
    const end = () => {
      if (this.#state === 'cutting' && state !== 'cut') this.cuts++;
      cut();
    };
    this.#open.add(cut);
    const pass = (way: 'down' | 'up', from: Socket, to: Socket) => {
      from.on('data', (data) => {
        if (state !== 'on') return;
        if (this.#state === 'whole') {
          to.write(data);
          return;
        }
        if (plan.at === 'answer') {
          if (way === 'up') said++;
          if (way === 'down' && said > left) end();
          else to.write(data);
          return;
        }
        const counts = plan.at === way || plan.at === 'silence';
        if (!counts || data.length < left) {
          if (counts) left -= data.length;
          to.write(data);
          return;
        }
        to.write(data.subarray(0, left));
        if (plan.at !== 'silence') end();
        else {
          state = 'silent';
          setTimeout(() => {
            state = 'on';
            end();
          }, 200);
        }
      });
      from.on('error', cut).on('close', cut);
    };
    pass('up', page, hub);
    pass('down', hub, page);
  }

  #plan(): Plan {
    const of = (n: number) => Math.floor(this.#random() * n);
    switch (of(8)) {
      case 0:
        return { at: 'up', after: 300 + of(2_000) };
      case 1:
      case 2:
        return { at: 'down', after: of(2) * greeting + of(3_000) };
      case 3:
        return { at: 'silence', after: greeting + of(3_000) };
      default:
        return { at: 'answer', after: 1 + of(6) };
    }
  }
}
