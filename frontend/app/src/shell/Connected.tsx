import { useEnding, useStatus, useWelcome } from '@baton/react';
import { Button, Center, Loader, Stack, Text, Title } from '@mantine/core';
import { useEffect } from 'react';
import { Screen } from './Screen.tsx';

interface Props {
  readonly leave: () => void;
  readonly out: (notice: string) => void;
}

/** The screen, once the hub has answered; what to do when the connection is over for good. */
export function Connected({ leave, out }: Props) {
  const status = useStatus();
  const welcome = useWelcome();
  const ending = useEnding();
  useEffect(() => {
    if (status !== 'signed-out') return;
    const reason = ending?.reason ?? '';
    out(
      reason === '' || reason === 'signed out' ? 'You were signed out.' : `You were signed out: ${reason}.`,
    );
  }, [status, ending, out]);
  if (status === 'replaced' || status === 'ended') {
    return (
      <Over
        title={status === 'replaced' ? 'Signed in elsewhere' : 'The connection has ended'}
        reason={ending?.reason ?? ''}
      />
    );
  }
  if (welcome === null) return <Waiting />;
  return <Screen leave={leave} />;
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

function Over({ title, reason }: { readonly title: string; readonly reason: string }) {
  return (
    <Center h="100dvh" p="md">
      <Stack align="center" maw={440} ta="center">
        <Title order={1} size="xl">
          {title}
        </Title>
        <Text c="dimmed">
          {reason || 'Another sign-in has taken the place of this one. Nothing was lost.'}
        </Text>
        <Button size="sm" onClick={() => location.reload()}>
          Use it here
        </Button>
      </Stack>
    </Center>
  );
}
