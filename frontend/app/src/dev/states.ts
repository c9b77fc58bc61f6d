/** The states of the screen that are worth looking at: dev.html?state=<name>. */

import { BatonError, type Welcome } from '@baton/client';
import { queue } from '../beamline.ts';
import { type Atom, type Fake, fakeBaton, type Scene } from './fakeBaton.ts';
import { alice, asking, bob, operatedBy, ordinary, sam, sampleList } from './scene.ts';

const operating: Scene = { ...ordinary, you: alice, control: operatedBy(alice, alice) };

const requests = [
  asking(bob, 'I would like to centre Thau-2 by hand before the next run, two minutes.', 3),
  asking(sam, '', 0.4),
];

/** A name and a message as long as people make them. */
const long = 'Maria-Magdalena von Hohenstaufen-Oberkirchner-Villanueva y Gutiérrez de la Concepción';

export const states: Record<string, () => Fake> = {
  observer: () => fakeBaton(ordinary),
  operator: () => fakeBaton(operating),
  staff: () => fakeBaton({ ...ordinary, you: sam, control: operatedBy(alice, sam) }),
  requests: () => fakeBaton({ ...operating, control: { ...operating.control, requests } }),
  asked: () => fakeBaton({ ...ordinary, control: { ...ordinary.control, requests } }),
  lost: () =>
    fakeBaton({ ...ordinary, control: { ...ordinary.control, lost: { until: performance.now() + 21_000 } } }),
  vacant: () => fakeBaton({ ...ordinary, control: operatedBy(null, bob) }),
  stale: () => fakeBaton({ ...operating, status: 'stale' }),
  connecting: () => fakeBaton({ ...ordinary, status: 'connecting' }),
  refused: () => withRefusal(fakeBaton(operating)),
  saving: () => withSaving(fakeBaton(operating)),
  empty: () =>
    fakeBaton({ ...operating, stores: { ...ordinary.stores, samples: {}, queue: {}, run: {} }, logs: {} }),
  loading: () => loading(fakeBaton(operating)),
  many: () => fakeBaton({ ...operating, stores: { ...ordinary.stores, samples: sampleList(13) } }),
  long: () => fakeBaton(longNames()),
  replaced: () =>
    fakeBaton({
      ...ordinary,
      status: 'replaced',
      ending: { code: 4409, reason: 'Bob Lindqvist signed in from 10.21.4.17 (Firefox 133 on Linux)' },
    }),
  ended: () =>
    fakeBaton({ ...ordinary, status: 'ended', ending: { code: 4400, reason: 'unknown frame: hello' } }),
  idle: () => idling(fakeBaton(operating)),
  crowd: () => fakeBaton({ ...operating, control: { ...operating.control, requests: crowd() } }),
  remembered: () => remembered(fakeBaton({ ...ordinary, status: 'connecting' })),
  wasmine: () => remembered(fakeBaton({ ...operating, status: 'connecting' })),
  admin: () => fakeBaton({ ...ordinary, you: { ...sam, roles: ['staff', 'admin'] } }),
  staffadmin: () => fakeBaton({ ...ordinary, you: sam }),
  adminstale: () => fakeBaton({ ...ordinary, status: 'stale', you: { ...sam, roles: ['staff', 'admin'] } }),
  journal: () => fakeBaton(journal(200)),
  unread: () => fakeBaton(unread()),
  toasts: () => toasts(fakeBaton(operating)),
  view: () => pointing(fakeBaton(staged(operating, 'view'))),
  asking: () =>
    fakeBaton({
      ...staged(operating, 'scan'),
      control: { ...operating.control, requests: requests.slice(0, 1) },
    }),
  centring: () => pointing(fakeBaton(centring(staged(operating, 'view')))),
  unmounted: () => fakeBaton(unmounted(staged(ordinary, 'view'))),
  viewloading: () => loading(fakeBaton(staged(operating, 'view')), ['equipment', 'motors']),
  viewstale: () => fakeBaton({ ...staged(operating, 'view'), status: 'connecting' }),
  scan: () => fakeBaton(staged(operating, 'scan')),
  catchingup: () => fakeBaton({ ...operating, status: 'catching-up' }),
  taken: () =>
    fakeBaton(told({ do: 'take', name: sam.name, session: 'ss', was: bob, reason: 'the cryo alarm' })),
  denied: () =>
    fakeBaton(told({ do: 'deny', name: alice.name, session: 'sa', to: bob, reason: `${long} `.repeat(4) })),
  expired: () => fakeBaton(told({ do: 'expired', was: bob }, operatedBy(null, bob))),
  elsewhere: () => fakeBaton({ ...ordinary, you: { ...alice, session: 'sa2' } }),
  refusing: () => refusing(fakeBaton(operating)),
  busy: () => refusing(fakeBaton({ ...ordinary, you: sam }), 'busy'),
  confirming: () => refusing(fakeBaton({ ...ordinary, you: sam }), 'confirm'),
  people: () => linked(fakeBaton({ ...operating, people: many() })),
  fullqueue: () => fakeBaton(fullQueue()),
  longqueue: () => fakeBaton({ ...longNames(), you: alice, control: operatedBy(alice, alice) }),
  longlog: () => fakeBaton(longLog()),
  longcontrol: () => fakeBaton({ ...longNames(), you: { ...sam, name: long } }),
  longview: () => pointing(fakeBaton(staged(longNames(), 'view'))),
  longscan: () => fakeBaton(staged(longNames(), 'scan')),
  alone: () => fakeBaton({ ...operating, people: operating.people.slice(0, 1) }),
  noscan: () => fakeBaton(unmounted(staged(operating, 'scan'))),
};

/** As the journal tells it to bob. */
function told(record: object, control = operatedBy(sam, bob)): Scene {
  const at = new Date(Date.now() - 40_000).toISOString();
  const records = [...(ordinary.logs.control ?? []), { at, by: 'hub', data: { term: 5, ...record } }];
  return { ...ordinary, control, logs: { ...ordinary.logs, control: records } };
}

function refusing(fake: Fake, code: 'busy' | 'confirm' | 'forbidden' = 'forbidden'): Fake {
  const details = {
    busy: 'The queue is running.',
    confirm: 'Enter your password again.',
    forbidden: 'The sample changer is being warmed up by the staff. Call 4711 if it has to be now.',
  };
  fake.answer = ([what]) => {
    // How somebody likes the screen is never refused.
    if (what !== 'write ui')
      throw new BatonError({ code, detail: details[code], more: { may_force: code === 'busy' } });
  };
  return fake;
}

function many() {
  const names = ['Ana Ruiz', 'Bo Li', 'Chidi Eze', 'Dana Novák', 'Elif Şahin', 'Femi Ade', 'Gro Aas', long];
  const visitors = Array.from({ length: 60 }, (_, i) => ({
    user: `u${i}`,
    name: `${names[i % names.length]} ${Math.floor(i / names.length) || ''}`.trim(),
    roles: i % 7 === 0 ? ['staff', 'admin'] : ['user'],
    connections: (i % 5) + 1,
    sessions: [`s${i}`],
  }));
  return [...ordinary.people, ...visitors];
}

function linked(fake: Fake): Fake {
  fake.roundTrip.set(18.4);
  const slow = [12, 140, 420, 1900];
  fake.heard('links').set({
    ready: true,
    latest: new Map(
      fake.presence
        .get()
        .map(({ user }, i) => [`c${i}`, { by: user, data: { ms: slow[i % slow.length], session: '' } }]),
    ),
  });
  return fake;
}

function fullQueue(): Scene {
  const [first] = Object.values(ordinary.stores.queue ?? {});
  const keys = Object.keys(sampleList(13));
  const entries = keys
    .slice(0, 200)
    .map((sample, i) => [`q${i}`, { ...(first as object), sample, order: i }]);
  const ended = { progress: 0.4, step: 'the cryo stream did not answer; look at the nozzle, then try again' };
  const done = Array.from({ length: 12 }, (_, i) => [
    `item/q${i}`,
    i === 5
      ? { state: 'failed', ...ended }
      : i === 8
        ? { state: 'stopped', ...ended }
        : { state: 'done', progress: 1, step: '' },
  ]);
  return {
    ...operating,
    stores: {
      ...ordinary.stores,
      samples: sampleList(13),
      queue: Object.fromEntries(entries),
      run: {
        ...Object.fromEntries(done),
        queue: { ...(ordinary.stores.run?.queue as object), item: 'q12' },
        'item/q12': ordinary.stores.run?.['item/q2'],
      },
    },
  };
}

function longLog(): Scene {
  const levels = ['info', 'warning', 'error'];
  const lines = Array.from({ length: 200 }, (_, i) => ({
    at: new Date(Date.now() - (200 - i) * 400_000).toISOString(),
    by: 'demo',
    data: {
      level: levels[i % 7 === 0 ? 1 : i % 11 === 0 ? 2 : 0],
      source: i % 5 === 0 ? 'sample-changer-of-the-second-hutch' : 'queue',
      text: i % 4 === 0 ? `/data/visitors/${long.replaceAll(' ', '_')}/`.repeat(4) : `step ${i} of 200`,
    },
  }));
  return { ...operating, logs: { ...ordinary.logs, log: lines } };
}

function staged(scene: Scene, stage: string): Scene {
  return { ...scene, stores: { ...scene.stores, ui: { stage } } };
}

function centring(scene: Scene): Scene {
  const clicks = [
    { omega: 0, h: 0.12, v: -0.08 },
    { omega: 90, h: 0.11, v: 0.06 },
  ];
  const equipment = { ...scene.stores.equipment, centring: { state: 'click', of: 3, clicks } };
  return { ...scene, stores: { ...scene.stores, equipment } };
}

function unmounted(scene: Scene): Scene {
  const { crystal: _, ...others } = scene.stores.equipment ?? {};
  const equipment = { ...others, mounted: { sample: null } };
  return { ...scene, stores: { ...scene.stores, equipment, scan: {} } };
}

function pointing(fake: Fake): Fake {
  const latest = new Map([
    ['c2', { by: 'bob', data: { h: 0.16, v: 0.09 } }],
    ['c3', { by: 'sam', data: { h: -0.21, v: -0.14 } }],
  ]);
  fake.heard('cursors').set({ ready: true, latest });
  return fake;
}

function idling(fake: Fake): Fake {
  fake.idle.set({ until: performance.now() + 60_000 });
  return fake;
}

function crowd() {
  return Array.from({ length: 200 }, (_, i) => ({
    ...asking({ ...bob, name: `Visitor ${i + 1}` }, i % 3 === 0 ? 'for a moment, please' : '', i),
    id: `r${i}`,
    session: `s${i}`,
  }));
}

/** As after a reload: the hub has said nothing yet, and of the stores only what a picture has is there. */
function remembered(fake: Fake): Fake {
  const welcome = fake.welcome.get();
  if (welcome !== null) (fake.welcome as Atom<Welcome | null>).set({ ...welcome, conn: '' });
  for (const name of ['equipment', 'motors', 'run'])
    fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  for (const name of ['queue', 'samples'])
    fake.values(name).set({ ...fake.values(name).get(), ready: false });
  for (const name of ['log', 'chat', 'control'])
    fake.messages(name).set({ ready: false, gap: false, messages: [] });
  return fake;
}

function journal(length: number): Scene {
  const some = ordinary.logs.control ?? [];
  const records = Array.from({ length }, (_, i) => {
    const one = some[i % some.length] ?? { at: '', by: 'alice', data: {} };
    const at = new Date(Date.now() - (length - i) * 700_000).toISOString();
    return { ...one, at, data: { ...(one.data as object), from: '10.21.4.17', session: 'sa', user: one.by } };
  });
  const call = { do: 'call', command: 'motor.move', call: 'k7', result: 'done' };
  const last = { at: new Date().toISOString(), by: 'alice', data: { ...call, name: alice.name, term: 4 } };
  return { ...operating, logs: { ...ordinary.logs, control: [...records, last] }, stores: tab('control') };
}

function tab(name: string) {
  return { ...ordinary.stores, ui: { tab: name, notice: '999' } };
}

function unread(): Scene {
  const days = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString();
  const said = Array.from({ length: 12 }, (_, i) => ({
    at: days(24 - 2 * i),
    by: i % 2 === 0 ? 'bob' : 'sam',
    data: { text: i % 3 === 0 ? `${long} is on the way.` : 'The next dewar has arrived.' },
  }));
  const stores = { ...ordinary.stores, ui: { 'read/chat': '7' } };
  return { ...operating, logs: { ...ordinary.logs, chat: said }, stores };
}

function toasts(fake: Fake): Fake {
  const at = new Date().toISOString();
  const records = [
    { do: 'request', result: 'waiting', name: bob.name, session: 'sb', message: 'two minutes for centring?' },
    { do: 'take', name: sam.name, session: 'ss', was: alice, reason: 'the cryo alarm' },
  ];
  setTimeout(() => {
    const view = fake.messages('control').get();
    const news = records.map((data, n) => ({ at, by: 'hub', data, position: 900 + n, n: 0 }));
    fake.messages('control').set({ ...view, messages: [...view.messages, ...news] });
  }, 300);
  return fake;
}

function withRefusal(fake: Fake): Fake {
  fake.answer = () => {
    throw new BatonError({
      code: 'conflict',
      detail: 'Somebody else has moved this entry just now. Look at it and try again.',
    });
  };
  const entry = ordinary.stores.queue?.q4 as never;
  fake
    .store(queue)
    .set('q4', entry)
    .catch(() => undefined);
  return fake;
}

function withSaving(fake: Fake): Fake {
  fake.answer = () => new Promise(() => undefined);
  void fake.store(queue).set('q4', ordinary.stores.queue?.q4 as never);
  return fake;
}

function loading(fake: Fake, stores = ['samples', 'queue']): Fake {
  for (const name of stores) fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  return fake;
}

function longNames(): Scene {
  const someone = { ...alice, name: long };
  const samples = sampleList(2);
  for (const [key, one] of Object.entries(samples).slice(2, 9))
    samples[key] = { ...one, name: `${one.name}-soaked-overnight-batch-17-cryo-B`, protein: long };
  return {
    ...ordinary,
    title: `Beamline ${long}`,
    control: {
      ...operatedBy(someone, bob),
      requests: [asking({ ...bob, name: long }, `${long} `.repeat(5), 500)],
    },
    people: Array.from({ length: 14 }, (_, i) => ({
      user: `u${i}`,
      name: `${long} ${i}`,
      roles: ['user'],
      connections: i + 1,
      sessions: [`s${i}`],
    })),
    stores: { ...ordinary.stores, samples },
  };
}
