import { Badge, Tabs } from '@mantine/core';
import { IconListDetails, IconMessageCircle, IconSteeringWheel } from '@tabler/icons-react';
import { plural } from '../format.ts';
import { usePlace } from '../memory/place.ts';
import { Panel } from '../parts/Panel.tsx';
import { useUi } from '../parts/useUi.ts';
import { Chat } from './Chat.tsx';
import { Journal, JournalFilter, useFilter, useWide } from './Journal.tsx';
import { LogFilter, LogList } from './Log.tsx';
import classes from './Messages.module.css';
import { useUnread } from './useUnread.ts';

const tabs = ['log', 'chat', 'control'] as const;

/** What was said: by the beamline, by people, and about control. */
export function Messages() {
  const [tab, setTab] = useUi('tab', tabs, 'log');
  const unread = useUnread(tab === 'chat');
  const filter = useFilter();
  const find = usePlace('find in log');
  const wide = useWide();
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
        part="messages"
        untitled
        note={<MessageTabs unread={unread} />}
        actions={
          <>
            {tab === 'log' && wide && <LogFilter find={find} />}
            {tab === 'control' && wide && <JournalFilter filter={filter} />}
          </>
        }
      >
        <Tabs.Panel value="log" className={classes.panel}>
          {!wide && <LogFilter find={find} />}
          <LogList find={find} />
        </Tabs.Panel>
        <Tabs.Panel value="chat" className={classes.panel}>
          <Chat />
        </Tabs.Panel>
        <Tabs.Panel value="control" className={classes.panel}>
          <Journal filter={filter} />
        </Tabs.Panel>
      </Panel>
    </Tabs>
  );
}

/** Which messages are shown, and how many of the chat have not been seen. */
function MessageTabs({ unread }: { readonly unread: number }) {
  return (
    <Tabs.List>
      <Tabs.Tab value="log" leftSection={<IconListDetails size={14} aria-hidden />}>
        Log
      </Tabs.Tab>
      <Tabs.Tab
        value="chat"
        leftSection={<IconMessageCircle size={14} aria-hidden />}
        rightSection={unread > 0 && <Unread count={unread} />}
      >
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
  );
}

function Unread({ count }: { readonly count: number }) {
  return (
    <Badge
      circle={count < 100}
      color="red.8"
      variant="filled"
      role="status"
      aria-label={plural(count, 'unread message')}
    >
      {count < 100 ? count : '99+'}
    </Badge>
  );
}
