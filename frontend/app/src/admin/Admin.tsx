import { useYou } from '@baton/react';
import { Button, Tabs } from '@mantine/core';
import { useHash } from '@mantine/hooks';
import {
  IconArrowLeft,
  IconClockPlay,
  IconDatabase,
  IconDevices,
  IconKey,
  IconPlugConnected,
  IconServer2,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import { Panel } from '../parts/Panel.tsx';
import classes from './Admin.module.css';
import { Connections } from './Connections.tsx';
import { LoginSessions } from './LoginSessions.tsx';
import { Nodes } from './Nodes.tsx';
import { Stores } from './Stores.tsx';
import { Tasks } from './Tasks.tsx';
import { Tokens } from './Tokens.tsx';

interface AdminPage {
  readonly name: string;
  readonly label: string;
  readonly icon: ComponentType<{ size?: number }>;
  readonly content: ComponentType;
  /** Also for staff; the others are for admins. */
  readonly staff?: boolean;
}

const pages: readonly AdminPage[] = [
  { name: 'nodes', label: 'Nodes', icon: IconServer2, content: Nodes },
  { name: 'connections', label: 'Connections', icon: IconPlugConnected, content: Connections },
  { name: 'sessions', label: 'Sessions', icon: IconDevices, content: LoginSessions },
  { name: 'tokens', label: 'Tokens', icon: IconKey, content: Tokens },
  { name: 'stores', label: 'Stores', icon: IconDatabase, content: Stores, staff: true },
  { name: 'tasks', label: 'Tasks', icon: IconClockPlay, content: Tasks, staff: true },
];

/** What those see who look after the hub. The hub decides what each of them may; this only leaves out what it refuses. */
export function Admin() {
  const admin = useYou()?.roles.includes('admin') === true;
  const [hash, setHash] = useHash();
  const offered = pages.filter(({ staff }) => admin || staff);
  const shown = offered.find(({ name }) => hash === `#admin/${name}`) ?? offered[0];
  return (
    <main className={classes.admin}>
      <Panel
        title="Administration"
        actions={
          <Button
            component="a"
            href="#"
            variant="default"
            size="compact-sm"
            leftSection={<IconArrowLeft size={15} />}
          >
            Back to the beamline
          </Button>
        }
      >
        <Tabs
          orientation="vertical"
          variant="pills"
          className={classes.tabs}
          value={shown?.name ?? null}
          onChange={(name) => setHash(`#admin/${name}`)}
        >
          <Tabs.List className={classes.list}>
            {offered.map(({ name, label, icon: Icon }) => (
              <Tabs.Tab key={name} value={name} leftSection={<Icon size={16} aria-hidden />}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {offered.map(({ name, content: Content }) => (
            <Tabs.Panel key={name} value={name} className={classes.panel}>
              <Content />
            </Tabs.Panel>
          ))}
        </Tabs>
      </Panel>
    </main>
  );
}
