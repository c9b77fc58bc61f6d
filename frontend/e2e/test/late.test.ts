import { connect } from '@baton/client';
import { expect } from 'vitest';
import { plans, site } from '../src/moves.ts';
import { type Open, signedIn, withCookie } from '../src/program.ts';
import { oneOrAll, scenario } from '../src/scenario.ts';
import { until } from '../src/waiting.ts';

/** Keeps the first write back, in `held`, and breaks the connection that it was sent over. */
function holding(open: Open, held: string[]): Open {
  return (address, protocol) => {
    const socket = open(address, protocol);
    const send = socket.send.bind(socket);
    socket.send = (text) => {
      if (held.length > 0 || !text.includes('"type":"write"')) return send(text);
      held.push(text);
      socket.close();
    };
    return socket;
  };
}

/** Sends a message over a connection of its own, once that is welcomed, and returns what it is answered. */
function answerTo(text: string, open: Open, url: string, client: string): Promise<unknown> {
  const [{ id }] = JSON.parse(text) as [{ readonly id: number }];
  const socket = open(`${url.replace(/^http/, 'ws')}/api/v1/ws?client=${client}`, 'baton.v1');
  const answered = new Promise((done, failed) => {
    socket.onclose = ({ code, reason }) => failed(new Error(`closed with ${code} ${reason}`));
    socket.onmessage = ({ data }) => {
      const frames = JSON.parse(data as string) as readonly { readonly type: string; readonly id?: number }[];
      if (frames.some(({ type }) => type === 'welcome')) socket.send(text);
      const answer = frames.find((frame) => frame.id === id);
      if (answer) done(answer);
    };
  });
  return answered.finally(() => socket.close());
}

scenario(
  'a write that is late on its way, and was refused when it was sent again, is not done when it comes after all',
  async (stage) => {
    const [url, other] = [stage.hub(0).url, stage.hub(1).url];
    const cookies = { alice: await signedIn(url, 'alice'), bob: await signedIn(url, 'bob') };
    const signedStill = async () => true;
    const bob = connect({ url: other, open: withCookie(cookies.bob, other), signedIn: signedStill });
    const client = `late-${Date.now()}`;
    const held: string[] = [];
    const open = holding(withCookie(cookies.alice, url), held);
    const alice = connect({ url, client, open, signedIn: signedStill });
    try {
      const sight = bob.store(plans);
      sight.subscribe(() => {});
      await sight.set('k', { n: 1 });
      const refused = alice.store(plans).set('k', { n: 2 }, { if: 0 });
      await expect(refused).rejects.toMatchObject({ code: 'conflict' });
      await sight.delete('k'); // now it could be done
      alice.close();

      const late = held[0] ?? '';
      expect(late).not.toContain('"again"');
      const theirs = withCookie(cookies.alice, other);
      expect(await answerTo(late, theirs, other, client)).toMatchObject({ type: 'error', code: 'conflict' });
      expect([...sight.get().values]).toEqual([]);

      const another = late.replace(`"op":"${client}.1"`, `"op":"${client}.2"`);
      expect(await answerTo(another, theirs, other, client)).toMatchObject({ type: 'written' });
      await until('it shows', () => sight.get().values.has('k'));
    } finally {
      for (const page of [alice, bob]) page.close();
    }
  },
  { on: oneOrAll, site },
);
