import { Tabs } from '@mantine/core';
import { IconListDetails, IconMessageCircle, IconSteeringWheel } from '@tabler/icons-react';
import { Panel } from '../parts/Panel.tsx';
import { useUi } from '../parts/useUi.ts';
import { Chat } from './Chat.tsx';
import { Journal } from './Journal.tsx';
import { LevelFilter, LogList } from './Log.tsx';
import classes from './Messages.module.css';

const tabs = ['log', 'chat', 'control'] as const;

/** What was said: by the beamline, by people, and about control. */
export function Messages() {
  const [tab, setTab] = useUi('tab', tabs, 'log');
  return (
    <Tabs
      value={tab}
      onChange={(value) => setTab(tabs.find((one) => one === value) ?? 'log')}
      variant="pills"
      className={classes.tabs}
      style={{ gridArea: 'messages' }}
    >
      <Panel
        title="Messages"
        untitled
        note={
          <Tabs.List>
            <Tabs.Tab value="log" leftSection={<IconListDetails size={14} aria-hidden />}>
              Log
            </Tabs.Tab>
            <Tabs.Tab value="chat" leftSection={<IconMessageCircle size={14} aria-hidden />}>
              Chat
            </Tabs.Tab>
            <Tabs.Tab
              value="control"
              aria-label="Control journal"
              leftSection={<IconSteeringWheel size={14} aria-hidden />}
            >
              Journal
            </Tabs.Tab>
          </Tabs.List>
        }
        actions={tab === 'log' && <LevelFilter />}
      >
        <Tabs.Panel value="log" className={classes.panel}>
          <LogList />
        </Tabs.Panel>
        <Tabs.Panel value="chat" className={classes.panel}>
          <Chat />
        </Tabs.Panel>
        <Tabs.Panel value="control" className={classes.panel}>
          <Journal />
        </Tabs.Panel>
      </Panel>
    </Tabs>
  );
}
