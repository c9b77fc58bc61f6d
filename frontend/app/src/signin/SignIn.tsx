import type { SignedIn, SpaceList } from '@baton/client';
import { everySpace } from '@baton/client/session';
import { Center, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import { Logo } from '../shell/Logo.tsx';
import { Elsewhere } from './Elsewhere.tsx';
import { Form } from './Form.tsx';
import { problem, returned as read, refusedThere } from './problem.ts';
import { Refusal } from './Refusal.tsx';
import classes from './SignIn.module.css';
import { useSignIn } from './useSignIn.ts';

interface Props {
  /** Why one is here again, such as "You were signed out." */
  readonly notice: string | undefined;
  readonly entered: (who: SignedIn) => void;
}

/** The way in: who, and to which space. A refusal stays on the page with what to do next. */
export function SignIn({ notice, entered }: Props) {
  const [returned] = useState(() => read(location.search));
  const { attempt, enter, replace, refuse } = useSignIn(
    entered,
    returned.code === undefined ? undefined : refusedThere(returned.code),
  );
  const { list, unreachable, load } = useSpaces();
  useEffect(() => {
    if (returned.code !== undefined) history.replaceState(null, '', location.pathname);
  }, [returned]);
  const refused =
    unreachable !== undefined ? problem(unreachable) : attempt.is === 'open' ? attempt.refused : undefined;
  return (
    <Center className={classes.page}>
      <main className={classes.column}>
        <Stack align="center" gap={6} mb="lg">
          <Logo size={44} />
          <Title order={1} size="xl" ta="center">
            {list?.title ?? 'Baton'}
          </Title>
          <Text size="sm" c="dimmed">
            Sign in to watch, and to ask for control
          </Text>
        </Stack>
        <Paper withBorder radius="md" p="lg">
          {notice !== undefined && refused === undefined && (
            <Text size="sm" mb="md" role="status" style={{ overflowWrap: 'anywhere' }}>
              {notice}
            </Text>
          )}
          {refused !== undefined && (
            <Refusal problem={refused} again={list === undefined ? () => void load() : undefined} />
          )}
          {list !== undefined && (
            <Form
              list={list}
              attempt={attempt}
              enter={enter}
              reset={() => refuse(undefined)}
              returned={returned}
            />
          )}
          {list === undefined && refused === undefined && <Skeleton h={190} />}
        </Paper>
        <Elsewhere
          asked={attempt.is === 'elsewhere' ? attempt : undefined}
          replace={replace}
          close={() => refuse(undefined)}
        />
      </main>
    </Center>
  );
}

/** The spaces of the site, or why they cannot be had; they are asked for again by `load`. */
function useSpaces() {
  const [list, setList] = useState<SpaceList>();
  const [unreachable, setUnreachable] = useState<unknown>();
  const load = useCallback(async () => {
    setUnreachable(undefined);
    try {
      setList(await everySpace());
    } catch (err) {
      setUnreachable(err);
    }
  }, []);
  useEffect(() => {
    void load();
  }, [load]);
  return { list, unreachable, load };
}
