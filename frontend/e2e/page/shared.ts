/** The client by itself, with one connection for all tabs of the browser, and what the browser keeps. */

import { type Baton, connect, defineLog, signIn } from '@baton/client';
import { persist } from '@baton/client/persist';
import { withTabs } from '@baton/client/tabs';

const chat = defineLog<{ readonly text: string }>({ name: 'chat' });
const kept = persist();
/** How many sockets this tab has opened. */
let sockets = 0;
let baton: Baton | undefined;

function open(): Baton {
  if (baton) return baton;
  const socket = (url: string, protocol: string) => {
    sockets++;
    return new WebSocket(url, protocol);
  };
  const made = connect({ ...withTabs({ open: socket }), add: kept.add });
  made.log(chat).subscribe(() => {});
  baton = made;
  return made;
}

/** Says something, and tells for how long nobody knew whether it was said. */
async function say(text: string): Promise<number> {
  const begun = performance.now();
  await open().log(chat).append({ text });
  return performance.now() - begun;
}

/** Says something, and holds the page up for so long before it can hear whether it was said. */
function sayAndStop(text: string, ms: number): void {
  void say(text).then(() => {
    said = text;
  });
  const end = performance.now() + ms;
  // Begun behind what the client has to do to send it.
  setTimeout(() => {
    while (performance.now() < end);
  }, 0);
}

/** What is known to be said. */
let said = '';

/** Says numbers, one after the other, and notes the longest that one took. */
const talk = { longest: 0, count: 0, running: false };

async function keepTalking(name: string): Promise<void> {
  talk.running = true;
  while (talk.running) {
    const took = await say(`${name} ${++talk.count}`);
    talk.longest = Math.max(talk.longest, took);
    await new Promise((next) => setTimeout(next, 60)); // the hub lets so many a second through
  }
}

export const shared = {
  signIn: async (space: string, user: string) => {
    await signIn({ space, user, password: user });
  },
  sockets: () => sockets,
  status: () => open().status.get(),
  waiting: () => kept.waiting.get(),
  live: () => open().status.get() === 'live' && open().log(chat).get().ready,
  say,
  sayAndStop,
  said: () => said,
  talk,
  keepTalking,
  heard: () =>
    open()
      .log(chat)
      .get()
      .messages.map((m) => m.data.text),
  members: () =>
    open()
      .presence.get()
      .map((m) => `${m.user} ${m.connections}`),
};
