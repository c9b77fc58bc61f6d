/** The client by itself, with one connection for all tabs of the browser, and what the browser keeps. */

import { type Baton, connect, defineLog, signIn } from '@baton/client';
import { persist } from '@baton/client/persist';
import { withTabs } from '@baton/client/tabs';

const chat = defineLog<{ readonly text: string }>({ name: 'chat' });
const kept = persist();
/** The sockets of this tab, and all that it has sent over them. */
const opened = new Set<WebSocket>();
const carried: string[] = [];
let baton: Baton | undefined;

function open(): Baton {
  if (baton) return baton;
  const socket = (url: string, protocol: string) => {
    const made = new WebSocket(url, protocol);
    opened.add(made);
    made.addEventListener('close', () => opened.delete(made));
    const send = made.send.bind(made);
    made.send = (text: string) => {
      carried.push(text);
      send(text);
    };
    return made;
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

/** How what was said by `sayIt` has ended. */
const outcomes: Record<string, string> = {};

/** Says something, and notes how that ends. */
function sayIt(text: string): void {
  outcomes[text] = 'on its way';
  say(text).then(
    () => {
      outcomes[text] = 'said';
    },
    (err: unknown) => {
      outcomes[text] = String(err);
    },
  );
}

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
  /** How many sockets it has. */
  sockets: () => opened.size,
  /** Whether it has sent that over one of its sockets, for itself or for another tab. */
  carried: (text: string) => carried.some((one) => one.includes(text)),
  status: () => open().status.get(),
  waiting: () => kept.waiting.get(),
  live: () => open().status.get() === 'live' && open().log(chat).get().ready,
  say,
  sayIt,
  outcomes: () => outcomes,
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
