/** What a browser keeps for one hub: an IndexedDB with two tables. */

import type { LogMessage, Welcome } from './api.js';
import type { RequestBody, ValueFrame } from './frames.js';

/** Whose something is. */
export interface Whose {
  readonly user: string;
  readonly space: string;
}

/** A channel as the hub has told it; or, without a name, what it said when the connection was made. */
export interface KeptChannel extends Whose {
  readonly name: string;
  readonly welcome?: Welcome;
  readonly proposal?: string | undefined;
  readonly epoch: string;
  /** When it was so, in milliseconds since 1970. */
  readonly at: number;
  /** Of a store. */
  readonly values?: ReadonlyMap<string, ValueFrame>;
  /** Of a log. */
  readonly messages?: readonly LogMessage<unknown>[];
}

/** A change that the hub has not answered. */
export interface KeptChange extends Whose {
  readonly op: string;
  readonly body: RequestBody;
  readonly lanes: readonly string[];
  /** When it was made, in milliseconds since 1970. */
  readonly at: number;
}

interface Tables {
  readonly channels: KeptChannel;
  readonly changes: KeptChange;
}

/**
 * Without an IndexedDB nothing is kept, and nothing found. All of it happens in the order that it is asked for. The database
 * is opened when it is needed first, and again after `close`.
 */
export class Shelf {
  #name: string;
  #opened: Promise<IDBDatabase | undefined> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  close(): void {
    void this.#opened?.then((database) => database?.close());
    this.#opened = undefined;
  }

  #open(): Promise<IDBDatabase | undefined> {
    return new Promise((resolve) => {
      const opening = globalThis.indexedDB?.open(this.#name, 1);
      if (!opening) {
        resolve(undefined);
        return;
      }
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore('channels', { keyPath: 'name' });
        opening.result.createObjectStore('changes', { keyPath: 'op' });
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => resolve(undefined);
    });
  }

  all<Table extends keyof Tables>(table: Table): Promise<readonly Tables[Table][]> {
    return this.#do(table, 'readonly', (store) => store.getAll()).then((found) => found ?? []);
  }

  put<Table extends keyof Tables>(table: Table, record: Tables[Table]): Promise<unknown> {
    return this.#do(table, 'readwrite', (store) => store.put(record));
  }

  delete(table: keyof Tables, key: string): Promise<unknown> {
    return this.#do(table, 'readwrite', (store) => store.delete(key));
  }

  clear(table: keyof Tables): Promise<unknown> {
    return this.#do(table, 'readwrite', (store) => store.clear());
  }

  /** Does it; undefined if it cannot be done, as when the disk is full. */
  async #do<T>(
    table: keyof Tables,
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T | undefined> {
    this.#opened ??= this.#open();
    const database = await this.#opened;
    return new Promise((resolve) => {
      try {
        const transaction = database?.transaction(table, mode);
        const request = transaction && work(transaction.objectStore(table));
        if (!transaction) resolve(undefined);
        else {
          transaction.oncomplete = () => resolve(request?.result);
          transaction.onabort = () => resolve(undefined);
        }
      } catch {
        resolve(undefined);
      }
    });
  }
}
