import type { SignedIn, SpaceList } from '@baton/client';
import { spaces as askSpaces, signIn } from '@baton/client';
import {
  Button,
  Card,
  Center,
  PasswordInput,
  Select,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import { Logo } from '../shell/Logo.tsx';
import { DemoUsers } from './DemoUsers.tsx';
import { type Problem, problem } from './problem.ts';
import { Refusal } from './Refusal.tsx';
import classes from './SignIn.module.css';

interface Props {
  /** Why one is here again, such as "You were signed out." */
  readonly notice: string | undefined;
  readonly entered: (who: SignedIn) => void;
}

/** The way in: who, and to which space. A refusal stays on the page with what to do next. */
export function SignIn({ notice, entered }: Props) {
  const [list, setList] = useState<SpaceList>();
  const [refused, setRefused] = useState<Problem>();
  const load = useCallback(async () => {
    setRefused(undefined);
    try {
      setList(await askSpaces());
    } catch (err) {
      setRefused(problem(err));
    }
  }, []);
  useEffect(() => void load(), [load]);
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
        <Card withBorder radius="md" padding="lg">
          {notice !== undefined && refused === undefined && (
            <Text size="sm" mb="md" role="status">
              {notice}
            </Text>
          )}
          {refused !== undefined && (
            <Refusal problem={refused} again={list === undefined ? () => void load() : undefined} />
          )}
          {list !== undefined && <Form list={list} refuse={setRefused} entered={entered} />}
          {list === undefined && refused === undefined && <Skeleton h={190} />}
        </Card>
      </main>
    </Center>
  );
}

interface FormProps {
  readonly list: SpaceList;
  readonly refuse: (why: Problem | undefined) => void;
  readonly entered: (who: SignedIn) => void;
}

function Form({ list, refuse, entered }: FormProps) {
  const [space, setSpace] = useState(list.spaces[0]?.name ?? '');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const enter = async (as: { user: string; password: string }) => {
    setBusy(true);
    refuse(undefined);
    try {
      entered(await signIn({ space, ...as }));
    } catch (err) {
      refuse(problem(err));
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void enter({ user: user.trim(), password });
      }}
    >
      <Stack gap="sm">
        {list.spaces.length > 1 && (
          <Select
            size="sm"
            label="Beamline"
            allowDeselect={false}
            value={space}
            onChange={(value) => setSpace(value ?? space)}
            data={list.spaces.map(({ name, title }) => ({ value: name, label: title }))}
          />
        )}
        <TextInput
          size="sm"
          label="User name"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <PasswordInput
          size="sm"
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button
          type="submit"
          size="sm"
          mt={4}
          loading={busy}
          disabled={user.trim() === '' || password === ''}
        >
          Sign in
        </Button>
        <DemoUsers
          users={list.dev_users ?? []}
          disabled={busy}
          enter={(name) => void enter({ user: name, password: name })}
        />
      </Stack>
    </form>
  );
}
