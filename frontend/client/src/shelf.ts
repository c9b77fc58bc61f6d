/** What a browser keeps for one hub: an IndexedDB with two tables. */

import type { LogMessage, Refused, Welcome } from './api.js';
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
  /** Then, of who was the operator: under which term. */
  readonly term?: number;
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
  /** It was never sent, by no page. This is taken back before it is. */
  readonly unsent?: true;
}

interface Tables {
  readonly channels: KeptChannel;
  readonly changes: KeptChange;
}

/** The browser's databases, if it has any for this page. */
export function factory(): IDBFactory | undefined {
  try {
    return globalThis.indexedDB ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where there is no IndexedDB, or it cannot be used, nothing is kept and nothing found; `trouble` says why, from the first
 * that could not be kept until the next that could. All of it happens in the order that it is asked for. The database is
 * opened when it is needed first, and again after `close`, after a failure, and when the browser has closed it.
 */
export class Shelf {
  trouble: Refused | null = null;
  /** Hears that `trouble` is another. */
  changed: () => void = () => {};
  /** Hears that the browser has closed the database: what was kept may be gone. */
  lost: () => void = () => {};
  #name: string;
  #opened: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  close(): void {
    this.#opened?.then(
      (database) => database.close(),
      () => {},
    );
    this.#opened = undefined;
  }

  all<Table extends keyof Tables>(table: Table): Promise<readonly Tables[Table][]> {
    return this.#do<Tables[Table][]>(table, 'readonly', (store) => store.getAll()).catch(() => []);
  }

  /** Resolves with whether they are kept. */
  async put<Table extends keyof Tables>(table: Table, ...records: Tables[Table][]): Promise<boolean> {
    try {
      await this.#do(table, 'readwrite', (store) => records.map((record) => store.put(record)).at(-1));
      this.#tell(null);
      return true;
    } catch (err) {
      this.#tell(String(err));
      return false;
    }
  }

  delete(table: keyof Tables, ...keys: string[]): Promise<unknown> {
    return this.#do(table, 'readwrite', (store) => keys.map((key) => store.delete(key)).at(-1)).catch(
      () => {},
    );
  }

  clear(table: keyof Tables): Promise<unknown> {
    return this.#do(table, 'readwrite', (store) => store.clear()).catch(() => {});
  }

  #tell(why: string | null): void {
    if (why === null ? this.trouble === null : this.trouble?.detail.includes(why)) return;
    const detail = `The browser cannot keep this page's changes (${why}). Do not close it while something is being saved.`;
    this.trouble = why === null ? null : { code: 'storage', detail };
    this.changed();
  }

  #open(): Promise<IDBDatabase> {
    if (this.#opened) return this.#opened;
    const opened = new Promise<IDBDatabase>((resolve, reject) => {
      const opening = factory()?.open(this.#name, 1); // throws where it is refused, as in a frame without storage
      if (!opening) throw new Error('it has no IndexedDB');
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore('channels', { keyPath: 'name' });
        opening.result.createObjectStore('changes', { keyPath: 'op' });
      };
      opening.onsuccess = () => {
        const database = opening.result;
        const gone = () => {
          database.close(); // or who wants to remove it would wait for this page
          if (this.#forget(opened)) this.lost();
        };
        database.onclose = gone;
        database.onversionchange = gone;
        resolve(database);
      };
      opening.onerror = () => reject(opening.error);
    });
    this.#opened = opened;
    opened.catch(() => this.#forget(opened));
    return opened;
  }

  /** Does it; rejects if it cannot be done, as when the disk is full. */
  async #do<T>(
    table: keyof Tables,
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T> | undefined,
  ): Promise<T> {
    const opened = this.#open();
    const database = await opened;
    return new Promise((resolve, reject) => {
      const transaction = this.#begin(opened, () => database.transaction(table, mode));
      const request = work(transaction.objectStore(table));
      transaction.oncomplete = () => resolve(request?.result as T);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /** A database that begins no transaction is of no use any more: some browsers close one without a word. */
  #begin(opened: Promise<IDBDatabase>, begin: () => IDBTransaction): IDBTransaction {
    try {
      return begin();
    } catch (err) {
      this.#forget(opened);
      throw err;
    }
  }

  /** The next time it is opened anew; false if it is another one already. */
  #forget(opened: Promise<IDBDatabase>): boolean {
    if (this.#opened !== opened) return false;
    this.#opened = undefined;
    return true;
  }
}
