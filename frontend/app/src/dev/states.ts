/** The states of the screen that are worth looking at: dev.html?state=<name>. */

import { BatonError } from '@baton/client';
import { queue } from '../beamline.ts';
import { type Fake, fakeBaton, type Scene } from './fakeBaton.ts';
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
};

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

function loading(fake: Fake): Fake {
  for (const name of ['samples', 'queue'])
    fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  return fake;
}

function longNames(): Scene {
  const someone = { ...alice, name: long };
  const samples = sampleList(2);
  const first = samples['1:04'];
  if (first !== undefined)
    samples['1:04'] = { ...first, name: `${first.name}-soaked-overnight-batch-17-cryo-B`, protein: long };
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
