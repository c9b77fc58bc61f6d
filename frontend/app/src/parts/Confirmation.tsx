import { BatonError, type SpaceList } from '@baton/client';
import { confirm, everySpace, signInAt } from '@baton/client/session';
import { useWelcome, useYou } from '@baton/react';
import { Anchor, Button, Group, PasswordInput, Stack, Text } from '@mantine/core';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { countdown } from '../format.ts';
import { Dialog } from './Dialog.tsx';
import { useNow } from './useNow.ts';

/**
 * Does something for which the hub may want the password again: if it does, asks for it and does the thing once more.
 * Rejects with code 'cancelled' if the person does not give it.
 */
export type Confirmed = <T>(what: () => Promise<T>) => Promise<T>;

const Context = createContext<Confirmed>((what) => what());

export function useConfirmed(): Confirmed {
  return useContext(Context);
}

interface Question {
  readonly given: () => void;
  readonly refused: () => void;
}

/** Has the one dialog that asks for the password. */
export function Confirmation({ children }: { readonly children: ReactNode }) {
  const [asked, setAsked] = useState<Question>();
  const confirmed = useCallback<Confirmed>(async (what) => {
    try {
      return await what();
    } catch (err) {
      if (!(err instanceof BatonError && err.code === 'confirm')) throw err;
    }
    await new Promise<void>((resolve, reject) => {
      const refused = () => reject(new BatonError({ code: 'cancelled', detail: 'Nothing was done.' }));
      setAsked({ given: resolve, refused });
    });
    return what();
  }, []);
  const end = (how: 'given' | 'refused') => {
    asked?.[how]();
    setAsked(undefined);
  };
  return (
    <Context value={confirmed}>
      {children}
      <Dialog opened={asked !== undefined} close={() => end('refused')} title="Enter your password again">
        <Form given={() => end('given')} cancel={() => end('refused')} />
      </Dialog>
    </Context>
  );
}

type State =
  | { readonly is: 'open'; readonly wrong?: string; readonly until?: number }
  | { readonly is: 'asking' };

function Form({ given, cancel }: { readonly given: () => void; readonly cancel: () => void }) {
  const you = useYou();
  const [password, setPassword] = useState('');
  const [state, setState] = useState<State>({ is: 'open' });
  const left = useLeft(state.is === 'open' ? state.until : undefined);
  const submit = async () => {
    if (password === '' || state.is === 'asking' || left > 0) return;
    setState({ is: 'asking' });
    try {
      await confirm(password);
      given();
    } catch (err) {
      setPassword('');
      setState({ is: 'open', ...refusal(err) });
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          This acts on somebody else’s work, so it has to be you who does it, not only your browser.
        </Text>
        {/* For the browser’s password store: whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={you?.user ?? ''} readOnly hidden />
        <PasswordInput
          data-autofocus
          size="sm"
          label={`Password of ${you?.name ?? 'yours'}`}
          name="password"
          autoComplete="current-password"
          value={password}
          error={state.is === 'open' && state.wrong}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Elsewhere />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={cancel}>
            Cancel
          </Button>
          <Button
            type="submit"
            size="sm"
            loading={state.is === 'asking'}
            disabled={password === '' || left > 0}
          >
            {left > 0 ? `Try again in ${countdown(left)}` : 'Confirm'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Who has no password here signs in again at the site that has it, which counts as much. */
function Elsewhere() {
  const space = useWelcome()?.space ?? '';
  const [providers, setProviders] = useState<SpaceList['providers']>();
  useEffect(() => {
    everySpace().then(
      (list) => setProviders(list.providers),
      () => undefined, // the password can be given all the same
    );
  }, []);
  if (!providers?.length) return null;
  return (
    <Text size="sm" c="dimmed">
      No password here? Sign in again with{' '}
      {providers.map(({ name, title }, i) => (
        <span key={name}>
          {i > 0 && ' or '}
          <Anchor
            inherit
            underline="always"
            href={signInAt({ provider: name, space, fresh: true, back: location.pathname })}
          >
            {title}
          </Anchor>
        </span>
      ))}
      , and then do this once more.
    </Text>
  );
}

function useLeft(until: number | undefined): number {
  const now = useNow();
  return until === undefined ? 0 : Math.max(0, until - now);
}

function refusal(err: unknown): { wrong: string; until?: number } {
  if (!(err instanceof BatonError)) return { wrong: String(err) };
  if (err.status === 401) return { wrong: 'This is not your password.' };
  const seconds = Number(err.more.retry_after);
  return { wrong: err.detail, ...(seconds > 0 && { until: Date.now() + seconds * 1000 }) };
}
