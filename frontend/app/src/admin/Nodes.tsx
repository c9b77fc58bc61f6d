import { Badge, Table, Text } from '@mantine/core';
import { lazy, Suspense, useEffect, useState } from 'react';
import { plural, span } from '../format.ts';
import classes from './Admin.module.css';
import { usePolled, useSpacePath } from './ask.ts';
import { Page } from './Page.tsx';

const Trend = lazy(async () => ({ default: (await import('./Trend.tsx')).Trend }));

export interface Node {
  readonly node: string;
  readonly answered: boolean;
  readonly answer_ms: number;
  readonly version?: string;
  readonly uptime_s: number;
  readonly missing?: readonly string[];
  readonly position: number;
  readonly log_bytes: number;
  readonly stale_ms: number;
  readonly connections: number;
  readonly sockets: number;
  readonly limit: number;
  readonly memory_bytes: number;
  readonly goroutines: number;
}

export interface NodeList {
  readonly nodes: readonly Node[];
}

const every = 2000;

/** The nodes that show the space, how they are, and how that goes on while one looks. */
export function Nodes() {
  const path = useSpacePath();
  const { data, failed } = usePolled<NodeList>(path('nodes'), every);
  const trends = useTrends(data);
  return (
    <Page
      title="Nodes"
      about={
        data === undefined
          ? 'The nodes that show this space.'
          : `${plural(data.nodes.length, 'node that shows', 'nodes that show')} this space, asked every ${every / 1000} s.`
      }
      failed={failed}
      empty={data === undefined}
    >
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Node</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th className={classes.number}>Up</Table.Th>
            <Table.Th className={classes.number}>Connections</Table.Th>
            <Table.Th className={classes.number}>Position</Table.Th>
            <Table.Th className={classes.number}>Log</Table.Th>
            <Table.Th className={classes.number}>Memory</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data?.nodes.map((node) => (
            <Row key={node.node} node={node} />
          ))}
        </Table.Tbody>
      </Table>
      <div className={classes.trends}>
        {trends.map(({ label, now, times, values }) => (
          <section key={label} className={classes.trend}>
            <h4>{label}</h4>
            <p>{now}</p>
            <div className={classes.line} aria-hidden>
              <Suspense>
                <Trend times={times} values={values} />
              </Suspense>
            </div>
          </section>
        ))}
      </div>
    </Page>
  );
}

function Row({ node }: { readonly node: Node }) {
  const state = !node.answered
    ? { color: 'orange', word: 'does not answer' }
    : node.missing?.length || node.stale_ms > 0
      ? { color: 'red', word: 'not ready' }
      : { color: 'green', word: 'ready' };
  const figure = (text: string) => (node.answered ? text : '–');
  return (
    <Table.Tr>
      <Table.Td className={classes.node}>
        <b>{node.node}</b>
        {node.missing?.map((why) => (
          <Text key={why} size="xs" c="red">
            {why}
          </Text>
        ))}
      </Table.Td>
      <Table.Td>
        <Badge color={state.color} miw="max-content">
          {state.word}
        </Badge>
      </Table.Td>
      <Table.Td className={classes.mono}>{node.version ?? '–'}</Table.Td>
      <Table.Td className={classes.number}>{figure(span(node.uptime_s * 1000))}</Table.Td>
      <Table.Td className={classes.number}>
        {figure(node.connections.toLocaleString('en'))}
        {node.limit > 0 && (
          <span style={{ color: 'var(--mantine-color-dimmed)' }}> / {node.limit.toLocaleString('en')}</span>
        )}
      </Table.Td>
      <Table.Td className={classes.number}>{figure(node.position.toLocaleString('en'))}</Table.Td>
      <Table.Td className={classes.number}>{figure(bytes(node.log_bytes))}</Table.Td>
      <Table.Td className={classes.number}>{figure(bytes(node.memory_bytes))}</Table.Td>
    </Table.Tr>
  );
}

/** "1.2 MB". */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let i = 0;
  let left = n;
  while (left >= 1000 && i < units.length - 1) {
    left /= 1000;
    i++;
  }
  return `${left.toFixed(left < 10 && i > 0 ? 1 : 0)} ${units[i]}`;
}

interface Sample {
  readonly at: number;
  readonly position: number;
  readonly connections: number;
  readonly memory: number;
  readonly answer: number;
}

const kept = 150;

/** The figures of all nodes together, of as long as the page is open and at most five minutes. */
function useTrends(list: NodeList | undefined) {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (list === undefined) return;
    const of = (pick: (node: Node) => number) => list.nodes.map(pick);
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
    const one: Sample = {
      at: Date.now() / 1000,
      position: Math.max(0, ...of((node) => node.position)),
      connections: sum(of((node) => node.connections)),
      memory: sum(of((node) => node.memory_bytes)),
      answer: Math.max(0, ...of((node) => node.answer_ms)),
    };
    setSamples((before) => [...before, one].slice(-kept));
  }, [list]);
  const times = samples.map(({ at }) => at);
  const rates = samples.map(({ at, position }, i) => {
    const before = samples[i - 1];
    return before === undefined ? 0 : Math.max(0, position - before.position) / Math.max(0.1, at - before.at);
  });
  const last = samples.at(-1);
  return [
    { label: 'Commits a second', now: (rates.at(-1) ?? 0).toFixed(1), times, values: rates },
    {
      label: 'Connections',
      now: String(last?.connections ?? '–'),
      times,
      values: samples.map(({ connections }) => connections),
    },
    {
      label: 'Memory of all nodes',
      now: last === undefined ? '–' : bytes(last.memory),
      times,
      values: samples.map(({ memory }) => memory),
    },
    {
      label: 'Slowest answer between nodes',
      now: last === undefined ? '–' : `${last.answer.toFixed(1)} ms`,
      times,
      values: samples.map(({ answer }) => answer),
    },
  ];
}
