import { readFileSync } from 'node:fs';
import { Worker as Thread } from 'node:worker_threads';
import { expect } from 'vitest';
import type { Probe } from '../page/probe.ts';
import { signedIn } from '../src/program.ts';
import { oneOrAll, scenario } from '../src/scenario.ts';

declare const probe: Probe; // in the page

const site = readFileSync(new URL('../../examples/site.yaml', import.meta.url), 'utf8');
const dist = new URL('../../client/dist/', import.meta.url);

/** What a worker does, of a browser or of Node: it counts, by the client that is published, and tells what there is then. */
const work = `
  const counters = defineStore({ name: 'counters' });
  const store = baton.store(counters);
  store.subscribe(() => {
    const { ready, values } = store.get();
    if (!ready || begun) return;
    begun = true;
    change(store, 'visits', values.get('visits') + 1, { onConflict: (_base, _mine, theirs) => theirs + 1 }).then(tell, tell);
  });
`;

scenario(
  'the client that is published works in a worker of a browser, and in one of Node',
  async (stage) => {
    const computer = await stage.computer();
    await computer.serve('/client/', dist);
    const { page } = await computer.open(stage.hub(0), '/healthz');
    await page.evaluate(() => probe.shared.signIn('demo', 'alice'));
    const ofBrowser = `
      import { connect, defineStore } from 'ORIGIN/client/index.js';
      import { change } from 'ORIGIN/client/conflict.js';
      let begun = false;
      const tell = (what) => postMessage(String(what));
      const baton = connect({ url: 'ORIGIN' });
      ${work}`;
    const counted = await page.evaluate((code) => {
      const text = code.replaceAll('ORIGIN', location.origin);
      const worker = new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), {
        type: 'module',
      });
      return new Promise((done, failed) => {
        worker.onmessage = ({ data }) => done(data);
        worker.onerror = ({ message }) => failed(new Error(message || 'the worker did not begin'));
      });
    }, ofBrowser);
    expect(counted).toBe('1');

    const { url } = stage.hub(1);
    const ofNode = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { url, cookie, dist } = workerData;
      const tell = (what) => parentPort.postMessage(String(what));
      (async () => {
        const { connect, defineStore } = await import(dist + 'index.js');
        const { change } = await import(dist + 'conflict.js');
        let begun = false;
        const headers = { cookie, origin: url };
        const open = (address, protocol) => new WebSocket(address, { protocols: [protocol], headers });
        const baton = connect({ url, open, signedIn: async () => true });
        ${work}
      })().catch(tell);`;
    const workerData = { url, cookie: await signedIn(url, 'bob'), dist: dist.href };
    const worker = new Thread(ofNode, { eval: true, workerData });
    try {
      const told = new Promise((done, failed) => worker.once('message', done).once('error', failed));
      expect(await told).toBe('2');
    } finally {
      await worker.terminate();
    }
  },
  { on: oneOrAll, site },
);
