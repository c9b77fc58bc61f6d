import '@fontsource-variable/inter';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './page.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { readable, schemeKey, theme } from './theme.ts';

// So that the page opens without the hub. A browser that has none of this, or may not, opens it with the hub.
if (import.meta.env.PROD) navigator.serviceWorker?.register('/offline.js').catch(() => undefined);

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme="auto"
      colorSchemeManager={localStorageColorSchemeManager({ key: schemeKey })}
    >
      <App />
    </MantineProvider>
  </StrictMode>,
);
