import {
  Alert,
  Badge,
  Button,
  Code,
  CopyButton,
  Group,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  VisuallyHidden,
} from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { clock, moment } from '../format.ts';
import { useConfirmed } from '../parts/Confirmation.tsx';
import { Dialog } from '../parts/Dialog.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useAct } from '../parts/useAct.ts';
import classes from './Admin.module.css';
import { ask, usePolled, useSpacePath } from './ask.ts';
import { Nothing, Page } from './Page.tsx';

export interface Token {
  readonly id: string;
  readonly prefix: string;
  readonly kind: 'program' | 'bearer' | 'outside';
  readonly name: string;
  readonly user: string;
  readonly roles: readonly string[];
  readonly scope?: readonly string[];
  readonly created: string;
  readonly created_by?: string;
  readonly expires?: string;
  readonly ended?: boolean;
}

export interface TokenList {
  readonly tokens: readonly Token[] | null;
  readonly incomplete: boolean;
}

/** What programs sign in with. */
export function Tokens() {
  const path = useSpacePath();
  const { data, failed, reload } = usePolled<TokenList>(path('tokens'), 10_000);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const tokens = data?.tokens ?? [];
  return (
    <Page
      title="Tokens"
      about="What programs and scripts sign in with. The hub keeps a hash; a token is shown once, when it is made."
      failed={failed}
      empty={data === undefined}
      tools={
        <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
          New token
        </Button>
      }
    >
      <Table verticalSpacing={5} highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Begins with</Table.Th>
            <Table.Th>Roles</Table.Th>
            <Table.Th>Made</Table.Th>
            <Table.Th>Good until</Table.Th>
            <Table.Th>
              <VisuallyHidden>Action</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tokens.map((token) => (
            <Row key={token.id} token={token} revoke={() => setRevoking(token)} />
          ))}
        </Table.Tbody>
      </Table>
      {data !== undefined && tokens.length === 0 && <Nothing>There are no tokens.</Nothing>}
      {data?.incomplete && <Nothing>There are more than these.</Nothing>}
      <Create opened={creating} close={() => setCreating(false)} created={reload} />
      <Revoke token={revoking} close={() => setRevoking(undefined)} revoked={reload} />
    </Page>
  );
}

function Row({ token, revoke }: { readonly token: Token; readonly revoke: () => void }) {
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <b>{token.name}</b>{' '}
        {token.kind !== 'program' && (
          <Badge color="gray">{token.kind === 'bearer' ? 'of a script' : 'of another issuer'}</Badge>
        )}
        {token.scope && token.scope.length > 0 && (
          <Text size="xs" c="dimmed">
            only {token.scope.join(', ')}
          </Text>
        )}
      </Table.Td>
      <Table.Td className={classes.mono}>{token.prefix}…</Table.Td>
      <Table.Td>{token.roles.join(', ')}</Table.Td>
      <Table.Td title={moment(token.created)}>
        {clock(token.created)}
        {token.created_by && (
          <Text span size="xs" c="dimmed">
            {' '}
            by {token.created_by}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{token.ended ? 'revoked' : token.expires ? clock(token.expires) : 'no end'}</Table.Td>
      <Table.Td ta="right">
        {!token.ended && (
          <Button
            variant="default"
            size="compact-xs"
            onClick={revoke}
            aria-label={`Revoke the token ${token.name}`}
          >
            Revoke
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

const lives = [
  { value: '12h', label: '12 hours' },
  { value: '30d', label: '30 days' },
  { value: '90d', label: '90 days' },
  { value: '365d', label: 'a year' },
  { value: '', label: 'until it is revoked' },
];

interface CreateProps {
  readonly opened: boolean;
  readonly close: () => void;
  readonly created: () => void;
}

function Create({ opened, close, created }: CreateProps) {
  return (
    <Dialog opened={opened} close={close} title="A token for a program">
      <Form close={close} created={created} />
    </Dialog>
  );
}

function Form({ close, created }: Omit<CreateProps, 'opened'>) {
  const path = useSpacePath();
  const confirmed = useConfirmed();
  const act = useAct();
  const [name, setName] = useState('');
  const [expires, setExpires] = useState('90d');
  const [made, setMade] = useState<string>();
  if (made !== undefined) return <Made token={made} close={close} />;
  const create = () =>
    act.attempt(async () => {
      const body = { name: name.trim(), ...(expires !== '' && { expires }) };
      const { token } = await confirmed(() => ask<{ token: string }>('POST', path('tokens'), body));
      setMade(token);
      created();
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== '') void create();
      }}
    >
      <Stack gap="md">
        <TextInput
          size="sm"
          label="What it is for"
          description="Such as the name of the program. It acts as service/ and this."
          value={name}
          maxLength={128}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
        />
        <Select
          size="sm"
          label="Good for"
          data={lives}
          value={expires}
          allowDeselect={false}
          onChange={(value) => setExpires(value ?? '90d')}
        />
        <MarkLine mark={act.mark} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" size="sm" disabled={name.trim() === ''} loading={act.mark?.kind === 'saving'}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Made({ token, close }: { readonly token: string; readonly close: () => void }) {
  return (
    <Stack gap="md">
      <Alert color="petrol" p="sm">
        This is the only time that it is shown. Put it where the program finds it, now.
      </Alert>
      <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
        {token}
      </Code>
      <Group justify="flex-end" gap="xs">
        <CopyButton value={token}>
          {({ copied, copy }) => (
            <Button size="sm" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button variant="default" size="sm" onClick={close}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}

function Revoke({
  token,
  close,
  revoked,
}: {
  readonly token: Token | undefined;
  readonly close: () => void;
  readonly revoked: () => void;
}) {
  const path = useSpacePath();
  const act = useAct();
  const revoke = async () => {
    if (token === undefined) return;
    const done = await act.attempt(() => ask('DELETE', path(`tokens/${encodeURIComponent(token.id)}`)));
    revoked();
    if (done) close();
  };
  return (
    <Dialog opened={token !== undefined} close={close} title={`Revoke ${token?.name ?? ''}?`}>
      <Stack gap="md">
        <Text size="sm">
          What is connected with it is closed at once, on every node. It cannot be taken back.
        </Text>
        <MarkLine mark={act.mark} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={close} data-autofocus>
            Cancel
          </Button>
          <Button color="red.8" size="sm" onClick={() => void revoke()}>
            Revoke
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
