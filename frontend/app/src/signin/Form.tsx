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

/** As whom one signs in. */
interface As {
  readonly user: string;
  readonly password: string;
}

/** Who, to which space and for which proposal. */
export function Form({ list, attempt, enter, reset, returned }: Props) {
  const [space, setSpace] = useState(() => firstSpace(list, returned.space));
  const [{ user, password }, setPerson] = useState<As>(() => ({
    user: lastPlace()?.user ?? '',
    password: '',
  }));
  const busy = attempt.is === 'asking';
  const wait = useWait(attempt.is === 'open' ? attempt.refused?.until : undefined);
  const { proposal, proposals, named, setProposal, forget } = useProposal(attempt, returned);
  const change = () => {
    forget();
    if (attempt.is === 'choosing') reset();
  };
  const send = (as: As) => void enter({ space, ...as, ...(named !== '' && { proposal: named }) });
  const incomplete =
    space === '' || user.trim() === '' || password === '' || (proposals.length > 0 && named === '');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!incomplete && !busy && wait === undefined) send({ user: user.trim(), password });
      }}
    >
      <Stack gap="sm">
        <Space
          list={list}
          named={returned.space}
          value={space}
          choose={(name) => {
            setSpace(name);
            change();
          }}
        />
        <Person
          user={user}
          password={password}
          change={(typed) => {
            setPerson((now) => ({ ...now, ...typed }));
            change();
          }}
        />
        {proposals.length > 0 && <Proposal value={proposal} choose={setProposal} all={proposals} />}
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

/** Within the main part of the page, where who reads by ear looks for it. */
const inPlace = { withinPortal: false } as const;

/** So many can be looked over; with more one searches. */
const few = 8;

/** The proposals to choose from, of who belongs to more than one, and which is chosen. */
function useProposal(attempt: Attempt, returned: Returned) {
  const [proposal, setProposal] = useState('');
  // They stay on the page while the sign-in for one of them is under way, or refused for another reason.
  const [proposals, setProposals] = useState(returned.proposals);
  if (attempt.is === 'choosing' && attempt.proposals !== proposals) setProposals(attempt.proposals);
  const named = proposals.includes(proposal) ? proposal : '';
  const forget = () => {
    setProposals([]);
    setProposal('');
  };
  return { proposal, proposals, named, setProposal, forget };
}

/** Who signs in, by a password. */
function Person({
  user,
  password,
  change,
}: As & {
  /** With what is typed; a password manager fills in both at once. */
  readonly change: (typed: Partial<As>) => void;
}) {
  return (
    <>
      <TextInput
        size="sm"
        label="User name"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus={user === ''}
        value={user}
        onChange={(event) => change({ user: event.currentTarget.value })}
      />
      <PasswordInput
        size="sm"
        label="Password"
        name="password"
        autoComplete="current-password"
        autoFocus={user !== ''}
        value={password}
        onChange={(event) => change({ password: event.currentTarget.value })}
      />
    </>
  );
}

function Proposal({
  value,
  choose,
  all,
}: {
  readonly value: string;
  readonly choose: (name: string) => void;
  readonly all: readonly string[];
}) {
  return (
    <Select
      size="sm"
      label="Proposal"
      description="You belong to more than one. A sign-in is for one of them."
      placeholder="Choose one"
      searchable
      comboboxProps={inPlace}
      autoFocus
      allowDeselect={false}
      nothingFoundMessage="None of yours is called that"
      value={value === '' ? null : value}
      onChange={(name) => choose(name ?? '')}
      data={[...all]}
    />
  );
}

/** Which space, where there is more than one, or where the one that the address names is not on the list. */
function Space({
  list: { spaces },
  named,
  value,
  choose,
}: {
  readonly list: SpaceList;
  readonly named: string | undefined;
  readonly value: string;
  readonly choose: (name: string) => void;
}) {
  const unlisted = named !== undefined && spaces.every(({ name }) => name !== named);
  const all = unlisted ? [...spaces, { name: named, title: named }] : spaces;
  if (all.length === 0) {
    return (
      <TextInput
        size="sm"
        label="Beamline"
        description="The name of its space. This site lists none."
        value={value}
        onChange={(event) => choose(event.currentTarget.value.trim())}
      />
    );
  }
  if (all.length === 1 && !unlisted) return null;
  return (
    <Select
      size="sm"
      label="Beamline"
      comboboxProps={inPlace}
      allowDeselect={false}
      searchable={all.length > few}
      nothingFoundMessage="None is called that"
      value={value}
      onChange={(name) => choose(name ?? value)}
      data={all.map(({ name, title }) => ({ value: name, label: title }))}
    />
  );
}

/** The one that the address names, or that this tab was in, or the first. */
function firstSpace({ spaces }: SpaceList, named: string | undefined): string {
  const last = spaces.find(({ name }) => name === lastPlace()?.space);
  return named ?? (last ?? spaces[0])?.name ?? '';
}
