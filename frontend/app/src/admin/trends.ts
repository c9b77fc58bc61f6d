/** How the figures of the nodes go on while one looks at them. */

import { useEffect, useState } from 'react';

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
  /** To connections to this space, since the node started; not told by a node of before. */
  readonly sent_messages?: number;
  readonly goroutines: number;
}

export interface NodeList {
  readonly nodes: readonly Node[];
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

/** What all nodes said at one time. */
interface Sample {
  /** In seconds. */
  readonly at: number;
  readonly nodes: readonly Node[];
}

export interface Trend {
  readonly label: string;
  readonly now: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

const kept = 150;

/** Of as long as the page is open, and at most five minutes. */
export function useTrends(list: NodeList | undefined): readonly Trend[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (list === undefined) return;
    const one = { at: Date.now() / 1000, nodes: list.nodes };
    setSamples((before) => [...before, one].slice(-kept));
  }, [list]);
  return trends(samples);
}

/** The figures of all nodes together. Pure. */
export function trends(samples: readonly Sample[]): readonly Trend[] {
  const times = samples.map(({ at }) => at);
  const line = (label: string, values: readonly number[], tell: (now: number) => string): Trend => {
    const now = values.at(-1);
    return { label, now: now === undefined ? '–' : tell(now), times, values };
  };
  const each = (figure: (nodes: readonly Node[]) => number) => samples.map(({ nodes }) => figure(nodes));
  const rate = (grown: (before: readonly Node[], now: readonly Node[]) => number) =>
    samples.map(({ at, nodes }, i) => {
      const before = samples[i - 1];
      return before === undefined ? 0 : grown(before.nodes, nodes) / Math.max(0.1, at - before.at);
    });
  const commits = rate((before, now) => Math.max(0, position(now) - position(before)));
  return [
    line('Commits a second', commits, (now) => now.toFixed(1)),
    line('Deliveries a second', rate(delivered), (now) => now.toFixed(1)),
    line('Connections', each(sum(({ connections }) => connections)), String),
    line('Memory of all nodes', each(sum(({ memory_bytes }) => memory_bytes)), bytes),
    line('Slowest answer between nodes', each(slowest), (now) => `${now.toFixed(1)} ms`),
  ];
}

const sum = (figure: (node: Node) => number) => (nodes: readonly Node[]) =>
  nodes.reduce((all, node) => all + figure(node), 0);

function position(nodes: readonly Node[]): number {
  return Math.max(0, ...nodes.map((node) => node.position));
}

function slowest(nodes: readonly Node[]): number {
  return Math.max(0, ...nodes.map(({ answer_ms }) => answer_ms));
}

/** Messages written to sockets in between. One that has started anew, or did not answer, counts from the next time on. */
function delivered(before: readonly Node[], now: readonly Node[]): number {
  return sum(({ node, answered, sent_messages = 0 }) => {
    const last = before.find((one) => one.node === node);
    return answered && last?.answered
      ? Math.max(0, sent_messages - (last.sent_messages ?? sent_messages))
      : 0;
  })(now);
}
