import '@fontsource-variable/inter';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '../page.css';
import { BatonError } from '@baton/client';
import { BatonProvider } from '@baton/react';
import { MantineProvider } from '@mantine/core';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { Memory } from '../memory/useMemory.ts';
import { Connected } from '../shell/Connected.tsx';
import { SignIn } from '../signin/SignIn.tsx';
import { readable, theme } from '../theme.ts';
import { doors } from './doors.ts';
import { fakeHub } from './fakeHub.ts';
import { inside } from './inside.ts';
import { states } from './states.ts';

const query = new URLSearchParams(location.search);
const door = doors[query.get('door') ?? ''];
const make = states[query.get('state') ?? ''];
const root = document.getElementById('root');
if (root === null) throw new Error('dev.html has no #root');
globalThis.fetch = fakeHub(door ?? inside).fetch;

createRoot(root).render(
  <MantineProvider
    theme={theme}
    cssVariablesResolver={readable}
    defaultColorScheme={query.get('scheme') === 'dark' ? 'dark' : 'light'}
  >
    {page()}
  </MantineProvider>,
);

function page(): ReactNode {
  if (door !== undefined)
    return <SignIn notice={query.get('notice') ?? undefined} entered={() => undefined} />;
  if (make === undefined) return <Contents />;
  const baton = make();
  const welcome = baton.welcome.get();
  return (
    <Memory value={welcome === null ? undefined : { at: Date.now() - 40_000, welcome }}>
      <BatonProvider baton={baton}>
        <Connected
          leave={leave}
          out={() => undefined}
          again={async () => undefined}
          known
          idleInput={undefined}
        />
      </BatonProvider>
    </Memory>
  );
}

/** The beamline runs, so a sign-out is refused until it is forced with the password. */
async function leave({ force = false }): Promise<void> {
  const detail = 'The queue is running.';
  if (!force) throw new BatonError({ code: 'busy', detail, more: { may_force: true } });
  throw new BatonError({ code: 'confirm', detail: 'Enter your password again.' });
}

function Contents() {
  const list = [
    ...Object.keys(states).map((name) => `state=${name}`),
    ...Object.keys(doors).map((name) => `door=${name}`),
  ];
  return (
    <ul>
      {list.map((one) => (
        <li key={one}>
          <a href={`?${one}`}>{one}</a>
        </li>
      ))}
    </ul>
  );
}
