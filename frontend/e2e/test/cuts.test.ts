import { expect } from 'vitest';
import { Cutter } from '../src/cutter.ts';
import { site } from '../src/moves.ts';
import { type Play, play } from '../src/pages.ts';
import type { Open } from '../src/program.ts';
import { type Stage, scenario } from '../src/scenario.ts';
import { playTabs } from '../src/tabplay.ts';
import { patience } from '../src/waiting.ts';

/** BATON_SEED plays one game again, BATON_CUTS so many seconds of it. */
const seed = Number(process.env.BATON_SEED ?? Date.now() % 1_000_000);
const seconds = Number(process.env.BATON_CUTS ?? 2.5);

/** Numbers from 0 to 1, the same for the same seed. */
function numbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function played<P extends Play>(
  stage: Stage,
  n: number,
  how: Omit<P, 'hub' | 'cutter' | 'random'>,
  game: (play: P) => Promise<string[]> = play,
): Promise<string[]> {
  const random = numbers(seed + n);
  const hub = stage.hub(0).url;
  const cutter = await Cutter.before(hub, random);
  try {
    const wrong = await game({ hub, cutter, random, ...how } as P);
    console.log(`seed ${seed}: ${cutter.cuts} connections were cut, ${wrong.length} things are wrong`);
    return wrong;
  } finally {
    cutter.close();
  }
}

/** Plays with pages that are wrong until that shows. */
async function finds(stage: Stage, spoil: (open: Open) => Open, what: RegExp): Promise<void> {
  for (let n = 1; n <= 9; n++) {
    const wrong = await played(stage, n, { time: 600, limit: 300, spoil });
    if (wrong.some((one) => what.test(one))) return;
  }
  expect.fail(`seed ${seed}: nobody has found that ${spoil.name} pages are wrong`);
}

/** A page that gives what it sends again another operation id. */
const forgetful = (open: Open): Open => {
  const sent = new Set<string>();
  let n = 0;
  return (url, protocol) => {
    const socket = open(url, protocol);
    const send = socket.send.bind(socket);
    socket.send = (text) => {
      const op = /"op":"([^"]*)"/.exec(text)?.[1] ?? '';
      const again = op !== '' && sent.has(op);
      sent.add(op);
      send(again ? text.replace(op, `${op.split('.')[0]}.${1_000_000 + ++n}`) : text);
    };
    return socket;
  };
};

/** A page that misses a change now and then. */
const deaf = (open: Open): Open => {
  let n = 0;
  return (url, protocol) => {
    const socket = open(url, protocol);
    const heard = (text: string) => {
      const frames = JSON.parse(text) as readonly { readonly type: string }[];
      return JSON.stringify(frames.filter(({ type }) => type !== 'change' || ++n % 3 > 0));
    };
    return {
      set onopen(hear: typeof socket.onopen) {
        socket.onopen = hear;
      },
      set onclose(hear: typeof socket.onclose) {
        socket.onclose = hear;
      },
      set onerror(hear: typeof socket.onerror) {
        socket.onerror = hear;
      },
      set onmessage(hear: typeof socket.onmessage) {
        socket.onmessage = ({ data }) => hear?.({ data: heard(data as string) } as MessageEvent);
      },
      send: (text) => socket.send(text),
      close: () => socket.close(),
    };
  };
};

scenario(
  'over lines that break, changes of all kinds in any order are applied once, and everybody comes to see the same; pages that do one again under another name, or miss one, are found out',
  async (stage) => {
    expect(await played(stage, 0, { time: seconds * 1_000, limit: patience }), `seed ${seed}`).toEqual([]);
    await finds(stage, forgetful, /was saved, and is [2-9] times in/);
    await finds(stage, deaf, /shows .*, and not/);
  },
  { on: ['one hub'], site },
);

// A browser that is started and played with for longer than a moment: not for `make test`.
if (process.env.BATON_CUTS)
  scenario(
    'over lines that break, tabs of one browser that are loaded again, closed, killed and frozen apply each change once and come to see the same, also in a slice of Redux; what they leave behind is done, or somebody is told',
    async (stage) => {
      const how = { time: seconds * 1_000, limit: 20_000 };
      expect(await played(stage, 0, how, playTabs), `seed ${seed}`).toEqual([]);
    },
    { on: ['one hub'], site },
  );
