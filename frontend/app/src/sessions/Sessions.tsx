import type { LoginSession } from '@baton/client/session';
import { useYou } from '@baton/react';
import {
  ActionIcon,
  Alert,
  Button,
  Center,
  Group,
  SegmentedControl,
  Skeleton,
  Text,
  Tooltip,
} from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { Dialog } from '../parts/Dialog.tsx';
import { EndSession } from './EndSession.tsx';
import { SessionFacts } from './SessionFacts.tsx';
import classes from './Sessions.module.css';
import { type Scope, type SessionList, useSessions } from './useSessions.ts';

/** Where one is signed in, and for admins where everybody is; each can be ended from here. */
export function Sessions({ opened, close }: { readonly opened: boolean; readonly close: () => void }) {
  const narrow = useMediaQuery('(max-width: 700px)');
  return (
    <Dialog opened={opened} close={close} title="Login sessions" size={640} fullScreen={narrow === true}>
      <SessionPage />
    </Dialog>
  );
}

/** Asks anew each time it is opened. `first`: whose are shown at first; everybody's are for admins. */
export function SessionPage({ first = 'own' }: { readonly first?: Scope }) {
  const admin = useYou()?.roles.includes('admin') === true;
  const [scope, setScope] = useState<Scope>(first);
  const list = useSessions(scope);
  const [asked, setAsked] = useState<LoginSession>();
  return (
    <>
      <Group justify="space-between" mb="sm" wrap="nowrap">
        {admin ? (
          <SegmentedControl
            size="xs"
            aria-label="Whose login sessions"
            value={scope}
            onChange={(value) => setScope(value as Scope)}
            data={[
              { value: 'own', label: 'Mine' },
              { value: 'all', label: 'Everybody’s' },
            ]}
          />
        ) : (
          <Text size="sm" c="dimmed">
            Where you are signed in. Ending one closes its tabs at once.
          </Text>
        )}
        <Tooltip label="Look again">
          <ActionIcon aria-label="Look again" loading={list.state === 'loading'} onClick={list.reload}>
            <IconRefresh size={16} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {list.state === 'failed' && (
        <Alert role="alert" color="red" mb="sm">
          {list.detail}
        </Alert>
      )}
      <List list={list} named={scope === 'all'} ask={setAsked} />
      <EndSession session={asked} close={() => setAsked(undefined)} ended={list.remove} />
    </>
  );
}

function List({
  list,
  named,
  ask,
}: {
  readonly list: SessionList;
  readonly named: boolean;
  readonly ask: (session: LoginSession) => void;
}) {
  if (list.state === 'loading' && list.shown.length === 0) return <Skeleton h={120} />;
  return (
    <>
      <ul className={classes.list} aria-label="Login sessions">
        {list.shown.map((session) => (
          <li key={session.session} className={classes.row}>
            <SessionFacts session={session} named={named} />
            {!session.current && (
              <Button
                variant="default"
                size="compact-sm"
                aria-label={`End the session of ${session.name || session.user}`}
                onClick={() => ask(session)}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {list.more !== undefined && (
        <Center mt="sm">
          <Button variant="subtle" size="compact-sm" loading={list.state === 'loading'} onClick={list.more}>
            Show more
          </Button>
        </Center>
      )}
    </>
  );
}
