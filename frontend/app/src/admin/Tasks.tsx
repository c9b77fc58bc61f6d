import { Badge, Group, Table, Text, Tooltip } from '@mantine/core';
import { clock, moment, span } from '../format.ts';
import { Drawn } from '../parts/Drawn.tsx';
import classes from './Admin.module.css';
import { usePolled, useSpacePath } from './ask.ts';
import { Nothing, Page } from './Page.tsx';

interface Run {
  readonly sequence: number;
  readonly at: string;
  readonly node: string;
  readonly state: string;
  readonly detail?: string;
  readonly took_ms?: number;
}

export interface Task {
  readonly name: string;
  readonly every_ms?: number;
  readonly cron?: string;
  readonly on?: string;
  readonly call?: string;
  readonly node?: string;
  readonly runs: readonly Run[] | null;
  readonly trouble?: string;
}

const colours: Readonly<Record<string, string>> = { done: 'green', failed: 'red', running: 'petrol' };

/** What the hub does by itself, and what came of it. */
export function Tasks() {
  const path = useSpacePath();
  const { data, failed } = usePolled<{ readonly tasks: readonly Task[] | null }>(path('tasks'), 5000);
  const tasks = data?.tasks ?? [];
  return (
    <Page
      title="Tasks"
      about="What the hub does by itself. Each run is done by one node."
      failed={failed}
      empty={data === undefined}
    >
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Task</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Last run</Table.Th>
            <Table.Th>What came of it</Table.Th>
            <Table.Th>Runs before</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tasks.map((task) => (
            <Row key={task.name} task={task} />
          ))}
        </Table.Tbody>
      </Table>
      {data !== undefined && tasks.length === 0 && (
        <Nothing>The site file has no tasks for this space.</Nothing>
      )}
    </Page>
  );
}

function Row({ task }: { readonly task: Task }) {
  const [last, ...before] = task.runs ?? [];
  return (
    <Table.Tr>
      <Table.Td>
        <b>{task.name}</b>
        {task.call && (
          <Text size="xs" c="dimmed">
            calls {task.call}
          </Text>
        )}
        {task.trouble && (
          <Text size="xs" c="red">
            {task.trouble}
          </Text>
        )}
      </Table.Td>
      <Table.Td className={task.cron ? classes.mono : undefined}>{when(task)}</Table.Td>
      <Table.Td>
        {last === undefined ? (
          <Text size="sm" c="dimmed">
            not yet
          </Text>
        ) : (
          <>
            <Badge color={colours[last.state] ?? 'gray'}>{last.state}</Badge>{' '}
            <span title={moment(last.at)}>{clock(last.at)}</span>{' '}
            <Text span size="xs" c="dimmed">
              on {last.node}
              {last.took_ms !== undefined && `, ${last.took_ms} ms`}
            </Text>
          </>
        )}
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{last?.detail}</Table.Td>
      <Table.Td>
        <Group gap={3} wrap="nowrap">
          {before.slice(0, 12).map((run) => (
            <Tooltip
              key={`${run.at} ${run.sequence}`}
              label={`${moment(run.at)}: ${run.state} ${run.detail ?? ''}`}
              multiline
              maw={360}
            >
              <Badge circle size="xs" color={colours[run.state] ?? 'gray'} role="img" aria-label={run.state}>
                <Drawn text={run.state === 'failed' ? '!' : ' '} />
              </Badge>
            </Tooltip>
          ))}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function when({ every_ms, cron, on, node }: Task): string {
  const where = on === undefined || on === '' ? '' : ` on ${on}`;
  if (every_ms) return `every ${span(every_ms)}${where}`;
  if (cron) return `${cron}${where}`;
  return node ? `always, now on ${node}` : `always${where}`;
}
