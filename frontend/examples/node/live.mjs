// The same with @baton/client, as in a page: it follows, shows what is wished for at once, and reconnects by itself.
// Node 20 has a WebSocket if asked: node --experimental-websocket live.mjs. It is needed to name a cookie.

import { connect, defineCommand, defineStore } from '@baton/client';
import { change } from '@baton/client/conflict';

const { BATON_URL: url = 'http://127.0.0.1:8080', BATON_USER: user = 'alice' } = process.env;
const { BATON_PASSWORD: password = user } = process.env;

const counters = defineStore({ name: 'counters' });
const greet = defineCommand({ name: 'greet' });

const signedIn = await fetch(`${url}/api/v1/session`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ space: 'demo', user, password }),
});
if (!signedIn.ok) throw new Error((await signedIn.json()).detail);
console.log(`signed in as ${(await signedIn.json()).you.user}`);

// A browser sends the cookie by itself; a program of a site has a token: headers: { authorization: `Bearer ${token}` }.
const cookie = signedIn.headers.get('set-cookie').split(';')[0];
const baton = connect({
  url,
  open: (address, protocol) =>
    new WebSocket(address, { protocols: [protocol], headers: { cookie, origin: url } }),
  signedIn: async () => true, // a session that has ended is told by the close of the socket
});

/** Waits until something that changes is as wished. */
function until(readable, holds) {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds(readable.get())) return;
      stop();
      resolve(readable.get());
    };
    const stop = readable.subscribe(look);
    queueMicrotask(look);
  });
}

// Follow the store: it is joined while somebody is subscribed to it.
const store = baton.store(counters);
const leave = store.subscribe(() => {});
await until(store, (view) => view.ready);

// Count: write only if nobody has changed the value since it was read; else over what it is by then.
const onConflict = (_base, _mine, theirs) => {
  console.log('somebody was quicker');
  return theirs + 1;
};
const now = store.get().values.get('visits'); // what the store shows as it is changed, not a moment before
const visits = await change(store, 'visits', now + 1, { onConflict });
console.log(`visit ${visits}`);

// What is shown is what has been told, and grows.
await until(store, (view) => view.values.get('visits') >= visits);
console.log(`saw visit ${visits}`);

// Call a command and wait for its end.
const call = await baton.call(greet, { name: user });
console.log(`greet: "${await call.finished()}"`);

leave();
baton.close();
