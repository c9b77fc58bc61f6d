import '@fontsource-variable/inter';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '../page.css';
import { BatonError } from '@baton/client';
import { BatonProvider } from '@baton/react';
import { MantineProvider } from '@mantine/core';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Memory } from '../memory/useMemory.ts';
import { Connected } from '../shell/Connected.tsx';
import { RoundTripContext } from '../shell/roundTrip.ts';
import { SignIn } from '../signin/SignIn.tsx';
import { readable, theme } from '../theme.ts';
import { doors } from './doors.ts';
import { fakeHub } from './fakeHub.ts';
import { inside, insides } from './inside.ts';
import { states } from './states.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('dev.html has no #root');
const drawn = createRoot(root);
let n = 0;

/** Shows a state, as the address would name it: "state=observer". Without a reload, for who looks at all of them. */
function show(what: string): void {
  const query = new URLSearchParams(what);
  const door = doors[query.get('door') ?? ''];
  globalThis.fetch = fakeHub(door ?? insides[query.get('hub') ?? ''] ?? inside).fetch;
  const scheme = query.get('scheme');
  const page = query.get('page');
  history.replaceState(null, '', page === null ? '#' : `#admin/${page}`);
  drawn.render(
    <MantineProvider
      key={n++}
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme={scheme === 'dark' || scheme === 'light' ? scheme : 'auto'}
    >
      <Page query={query} />
    </MantineProvider>,
  );
}

Object.assign(globalThis, { show });
show(location.search);

function Page({ query }: { readonly query: URLSearchParams }) {
  if (query.has('door'))
    return <SignIn notice={query.get('notice') ?? undefined} entered={() => undefined} />;
  const [baton] = useState(() => states[query.get('state') ?? '']?.());
  if (baton === undefined) return <Contents />;
  const welcome = baton.welcome.get();
  return (
    <Memory
      value={
        welcome === null
          ? undefined
          : { at: Date.now() - 40_000, welcome, mine: query.get('state') === 'wasmine' }
      }
    >
      <BatonProvider baton={baton}>
        <RoundTripContext value={baton.roundTrip}>
          <Connected
            leave={leave}
            out={() => undefined}
            again={async () => undefined}
            known
            idleInput={undefined}
          />
        </RoundTripContext>
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
