import { Badge, Button, CloseButton, Table, TextInput, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { clock, moment, plural } from '../format.ts';
import { MarkLine } from '../parts/Mark.tsx';
import { ReasonDialog } from '../parts/ReasonDialog.tsx';
import { useAct } from '../parts/useAct.ts';
import { quality } from '../shell/Quality.tsx';
import classes from './Admin.module.css';
import { ask, usePolled, useSpacePath } from './ask.ts';
import { Nothing, Page } from './Page.tsx';

export interface Connection {
  readonly connection: string;
  readonly node: string;
  readonly kind: 'ws' | 'sse';
  readonly user: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly session: string;
  readonly since: string;
  readonly answer_ms?: number;
  readonly joined: number;
  readonly serves?: readonly string[];
  readonly behind: number;
}

export interface ConnectionList {
  readonly connections: readonly Connection[];
  readonly incomplete: boolean;
}

/** Every connection to the space. One that hangs is closed here; its page then connects anew. */
export function Connections() {
  const path = useSpacePath();
  const { data, failed, reload } = usePolled<ConnectionList>(path('connections'), 4000);
  const [find, setFind] = useState('');
  const [asked, setAsked] = useState<Connection>();
  const act = useAct();
  const wanted = find.trim().toLowerCase();
  const shown = data?.connections.filter((c) =>
    `${c.name} ${c.user} ${c.node} ${c.kind} ${c.connection}`.toLowerCase().includes(wanted),
  );
  const end = async (connection: string, reason: string) => {
    const query = reason === '' ? '' : `?reason=${encodeURIComponent(reason)}`;
    await act.attempt(() =>
      ask('DELETE', `${path(`connections/${encodeURIComponent(connection)}`)}${query}`),
    );
    reload();
  };
  return (
    <Page
      title="Connections"
      about={
        data === undefined
          ? 'Who is connected, and to which node.'
          : `${plural(data.connections.length, 'connection')} on all nodes${data.incomplete ? ', and more that are not shown' : ''}.`
      }
      failed={failed}
      empty={data === undefined}
      tools={<Find value={find} change={setFind} />}
    >
      <MarkLine mark={act.mark} />
      <Table verticalSpacing={5} highlightOnHover>
        <Head />
        <Table.Tbody>
          {shown?.map((one) => (
            <Row key={one.connection} one={one} close={() => setAsked(one)} />
          ))}
        </Table.Tbody>
      </Table>
      {shown?.length === 0 && <Nothing>No connection matches.</Nothing>}
      <ReasonDialog
        opened={asked !== undefined}
        close={() => setAsked(undefined)}
        title={`Close a connection of ${asked?.name || asked?.user}?`}
        explain="Its page or program connects anew by itself. To keep somebody out, end their login session, or revoke their token."
        label="Reason, shown to them"
        confirm="Close the connection"
        onConfirm={(reason) => asked && void end(asked.connection, reason)}
      />
    </Page>
  );
}

function Find({ value, change }: { readonly value: string; readonly change: (value: string) => void }) {
  return (
    <TextInput
      aria-label="Find a connection"
      placeholder="Person, node"
      w={190}
      leftSection={<IconSearch size={14} />}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
      rightSection={
        value === '' ? null : <CloseButton size="xs" aria-label="Clear" onClick={() => change('')} />
      }
    />
  );
}

function Head() {
  return (
    <Table.Thead>
      <Table.Tr>
        <Table.Th>Who</Table.Th>
        <Table.Th>Node</Table.Th>
        <Table.Th>Since</Table.Th>
        <Table.Th className={classes.number}>Answers in</Table.Th>
        <Table.Th className={classes.number}>Reads</Table.Th>
        <Table.Th className={classes.number}>Behind</Table.Th>
        <Table.Th>
          <VisuallyHidden>Action</VisuallyHidden>
        </Table.Th>
      </Table.Tr>
    </Table.Thead>
  );
}

function Row({ one, close }: { readonly one: Connection; readonly close: () => void }) {
  const link = one.answer_ms === undefined ? undefined : quality(one.answer_ms);
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <b>{one.name || one.user}</b> {one.kind === 'sse' && <Badge color="gray">event stream</Badge>}{' '}
        {one.serves !== undefined && one.serves.length > 0 && (
          <Tooltip label={one.serves.join(', ')} multiline maw={320}>
            <Badge>serves {plural(one.serves.length, 'command')}</Badge>
          </Tooltip>
        )}
      </Table.Td>
      <Table.Td className={classes.node}>{one.node}</Table.Td>
      <Table.Td title={moment(one.since)}>{clock(one.since)}</Table.Td>
      <Table.Td className={classes.number} title={link?.word}>
        {one.answer_ms === undefined ? '–' : `${one.answer_ms.toFixed(one.answer_ms < 10 ? 1 : 0)} ms`}
      </Table.Td>
      <Table.Td className={classes.number}>{one.joined}</Table.Td>
      <Table.Td className={classes.number}>{one.behind}</Table.Td>
      <Table.Td ta="right">
        <Button
          variant="default"
          size="compact-xs"
          onClick={close}
          aria-label={`Close the connection ${one.connection} of ${one.name || one.user}`}
        >
          Close
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}
