/** What the client has put into the browser's database. */

interface Kept {
  readonly channels: readonly {
    readonly name: string;
    readonly keys: readonly string[];
    readonly text: string;
  }[];
  /** The operations that the hub has not answered. */
  readonly changes: readonly { readonly op: string; readonly body: string; readonly user: string }[];
}

export async function database(): Promise<Kept> {
  const name = `baton ${location.origin}`;
  if (!(await indexedDB.databases()).some((one) => one.name === name)) return { channels: [], changes: [] };
  const opened = await done(indexedDB.open(name));
  const all = (table: string) => done(opened.transaction(table).objectStore(table).getAll());
  const [channels, changes] = await Promise.all([all('channels'), all('changes')]);
  opened.close();
  return {
    channels: channels.map((one) => ({
      name: one.name,
      keys: [...(one.values?.keys() ?? [])],
      text: JSON.stringify(one),
    })),
    changes: changes.map(({ op, body, user }) => ({ op, body: JSON.stringify(body), user })),
  };
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
