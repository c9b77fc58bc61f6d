import { useEnding, useStatus, useWelcome } from '@baton/react';
import { Button, Center, Loader, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import { IconDevices, IconPlugConnectedX } from '@tabler/icons-react';
import { useEffect } from 'react';
import { said } from '../format.ts';
import type { BeamlineProps } from './Beamline.tsx';
import { Screen } from './Screen.tsx';

export type ConnectedProps = Pick<BeamlineProps, 'leave' | 'out' | 'again' | 'known' | 'idleInput'>;

/** The screen, once there is something to show; what to do when the connection is over for good. */
export function Connected({ leave, out, again, known, idleInput }: ConnectedProps) {
  const status = useStatus();
  const welcome = useWelcome();
  const ending = useEnding();
  useEffect(() => {
    if (status === 'signed-out') out(ending ?? { code: 4401, reason: '' });
  }, [status, ending, out]);
  useEffect(() => {
    if (status === 'live' && !known) void again();
  }, [status, known, again]);
  if (status === 'replaced') {
    return (
      <Over
        icon={<IconDevices size={30} stroke={1.6} />}
        title="You signed in elsewhere"
        reason={ending?.reason ?? ''}
        meaning="This tab was closed by that and does nothing more by itself. What was saved is safe."
        word="Sign in here again"
        press={() => void again()}
      />
    );
  }
  if (status === 'ended') {
    return (
      <Over
        icon={<IconPlugConnectedX size={30} stroke={1.6} />}
        title="The connection has ended"
        reason={ending?.reason ?? ''}
        meaning="The hub may be of another release than this page. What was saved is safe."
        word="Load the page again"
        press={() => location.reload()}
      />
    );
  }
  if (welcome === null) return <Waiting />;
  return <Screen leave={leave} idleInput={idleInput} />;
}

function Waiting() {
  return (
    <Center h="100dvh">
      <Stack align="center">
        <Loader aria-label="Connecting" />
        <Text size="sm" c="dimmed" role="status">
          Connecting to the hub
        </Text>
      </Stack>
    </Center>
  );
}

interface OverProps {
  readonly icon: React.ReactNode;
  readonly title: string;
  /** In the hub's words: who signed in, and from where. */
  readonly reason: string;
  readonly meaning: string;
  readonly word: string;
  readonly press: () => void;
}

function Over({ icon, title, reason, meaning, word, press }: OverProps) {
  return (
    <Center mih="100dvh" p="md">
      <Stack align="center" maw={460} ta="center" component="main">
        <ThemeIcon variant="light" color="gray" size={56} radius="xl" aria-hidden>
          {icon}
        </ThemeIcon>
        <Title order={1} size="xl">
          {title}
        </Title>
        {reason !== '' && (
          <Text role="status" fw={600} style={{ overflowWrap: 'anywhere' }}>
            {said(reason)}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {meaning}
        </Text>
        <Button size="sm" onClick={press} autoFocus>
          {word}
        </Button>
      </Stack>
    </Center>
  );
}
