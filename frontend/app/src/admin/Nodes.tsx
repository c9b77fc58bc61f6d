import { Badge, Table, Text } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { plural, span } from '../format.ts';
import classes from './Admin.module.css';
import { usePolled, useSpacePath } from './ask.ts';
import { Page } from './Page.tsx';
import { bytes, type Node, type NodeList, useTrends } from './trends.ts';

const Trend = lazy(async () => ({ default: (await import('./Trend.tsx')).Trend }));

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
