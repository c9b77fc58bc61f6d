// @vitest-environment node
import { connect, defineLog, defineStore } from '@baton/client';
import { persist } from '@baton/client/persist';
import { withTabs } from '@baton/client/tabs';
import { renderToString } from 'react-dom/server';
import { expect, it, vi } from 'vitest';
import {
  BatonProvider,
  useControl,
  useLog,
  usePresence,
  useStatus,
  useStore,
  useValue,
} from '../src/index.js';

const queue = defineStore<number>({ name: 'queue' });
const chat = defineLog<string>({ name: 'chat' });

function Page() {
  const { values, ready } = useStore(queue);
  const { messages } = useLog(chat);
  const { operator } = useControl();
  const parts = [
    useStatus(),
    ready,
    values.size,
    messages.length,
    usePresence().length,
    operator,
    useValue(queue, 'q1'),
  ];
  return <p>{parts.map(String).join(' ')}</p>;
}

it('a page is rendered on a server, where there is nothing of a browser, as one that connects', () => {
  const opened = vi.fn();
  vi.stubGlobal('WebSocket', opened); // as newer versions of Node have one
  expect(['window', 'document', 'indexedDB'].filter((name) => name in globalThis)).toEqual([]);
  vi.useFakeTimers();
  const kept = persist();
  const baton = connect({ ...withTabs(), add: kept.add });
  const html = renderToString(
    <BatonProvider baton={baton}>
      <Page />
    </BatonProvider>,
  );
  expect(html).toBe('<p>connecting false 0 0 0 null undefined</p>');
  expect(vi.getTimerCount(), 'nothing goes on').toBe(0);
  expect(opened).not.toHaveBeenCalled();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
