import '@fontsource-variable/inter';
import '@mantine/core/styles.css';
import '../page.css';
import { BatonProvider } from '@baton/react';
import { MantineProvider } from '@mantine/core';
import { createRoot } from 'react-dom/client';
import { Connected } from '../shell/Connected.tsx';
import { readable, theme } from '../theme.ts';
import { states } from './states.ts';

const query = new URLSearchParams(location.search);
const make = states[query.get('state') ?? ''];
const root = document.getElementById('root');
if (root === null) throw new Error('dev.html has no #root');
createRoot(root).render(
  make === undefined ? (
    <ul>
      {Object.keys(states).map((name) => (
        <li key={name}>
          <a href={`?state=${name}`}>{name}</a>
        </li>
      ))}
    </ul>
  ) : (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme={query.get('scheme') === 'dark' ? 'dark' : 'light'}
    >
      <BatonProvider baton={make()}>
        <Connected leave={() => undefined} out={() => undefined} />
      </BatonProvider>
    </MantineProvider>
  ),
);
