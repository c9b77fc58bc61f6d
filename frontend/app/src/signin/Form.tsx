import type { Credentials, SpaceList } from '@baton/client';
import { Button, PasswordInput, Select, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { lastPlace } from '../memory/place.ts';
import { DemoUsers } from './DemoUsers.tsx';
import { Providers } from './Providers.tsx';
import type { Returned } from './problem.ts';
import { useWait } from './Refusal.tsx';
import type { Attempt } from './useSignIn.ts';

interface Props {
  readonly list: SpaceList;
  readonly attempt: Attempt;
  readonly enter: (credentials: Credentials) => Promise<void>;
  /** Something else is typed: what was refused or asked is over. */
  readonly reset: () => void;
  /** What the address says, after a sign-in at another site. */
  readonly returned: Returned;
}

/** Who, to which space and for which proposal. */
export function Form({ list, attempt, enter, reset, returned }: Props) {
  const [space, setSpace] = useState(() => firstSpace(list, returned.space));
  const [user, setUser] = useState(() => lastPlace()?.user ?? '');
  const [password, setPassword] = useState('');
  const [proposal, setProposal] = useState('');
  const busy = attempt.is === 'asking';
  const wait = useWait(attempt.is === 'open' ? attempt.refused?.until : undefined);
  // They stay on the page while the sign-in for one of them is under way, or refused for another reason.
  const [proposals, setProposals] = useState(returned.proposals);
  if (attempt.is === 'choosing' && attempt.proposals !== proposals) setProposals(attempt.proposals);
  const change = () => {
    setProposals([]);
    setProposal('');
    if (attempt.is === 'choosing') reset();
  };
  const named = proposals.includes(proposal) ? proposal : '';
  const send = (as: { user: string; password: string }) =>
    void enter({ space, ...as, ...(named !== '' && { proposal: named }) });
  const incomplete = user.trim() === '' || password === '' || (proposals.length > 0 && named === '');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!incomplete && !busy && wait === undefined) send({ user: user.trim(), password });
      }}
    >
      <Stack gap="sm">
        {list.spaces.length > 1 && (
          <Select
            size="sm"
            label="Beamline"
            allowDeselect={false}
            value={space}
            onChange={(value) => {
              setSpace(value ?? space);
              change();
            }}
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
          autoFocus={user === ''}
          value={user}
          onChange={(event) => {
            setUser(event.currentTarget.value);
            change();
          }}
        />
        <PasswordInput
          size="sm"
          label="Password"
          name="password"
          autoComplete="current-password"
          autoFocus={user !== ''}
          value={password}
          onChange={(event) => {
            setPassword(event.currentTarget.value);
            change();
          }}
        />
        {proposals.length > 0 && (
          <Select
            size="sm"
            label="Proposal"
            description="You belong to more than one. A sign-in is for one of them."
            placeholder="Choose one"
            searchable
            autoFocus
            allowDeselect={false}
            nothingFoundMessage="None of yours is called that"
            value={proposal === '' ? null : proposal}
            onChange={(value) => setProposal(value ?? '')}
            data={[...proposals]}
          />
        )}
        <Button type="submit" size="sm" mt={4} loading={busy} disabled={incomplete || wait !== undefined}>
          {wait ?? 'Sign in'}
        </Button>
        <Providers
          providers={list.providers ?? []}
          space={space}
          proposal={named}
          replace={returned.code === 'signed_in_elsewhere'}
        />
        <DemoUsers
          users={list.dev_users ?? []}
          disabled={busy || wait !== undefined}
          enter={(name) => void enter({ space, user: name, password: name })}
        />
      </Stack>
    </form>
  );
}

/** The one that the address names, or that this tab was in, if there still is one of that name. */
function firstSpace({ spaces }: SpaceList, named: string | undefined): string {
  const last = spaces.find(({ name }) => name === (named ?? lastPlace()?.space));
  return (last ?? spaces[0])?.name ?? '';
}
