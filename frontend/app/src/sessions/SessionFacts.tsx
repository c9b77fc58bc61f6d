import type { LoginSession } from '@baton/client/session';
import { Badge, Group, Text } from '@mantine/core';
import { IconDeviceDesktop, IconSteeringWheel } from '@tabler/icons-react';
import { clock, span } from '../format.ts';
import { useNow } from '../parts/useNow.ts';
import { browserName } from './agent.ts';
import classes from './Sessions.module.css';

/** One login session: whose it is if that is to be said, which browser, where, since when and whether it is used. */
export function SessionFacts({
  session,
  named,
}: {
  readonly session: LoginSession;
  readonly named: boolean;
}) {
  const now = useNow();
  const { name, user, proposal, from, agent, since, last_active, tabs, in_control, current } = session;
  const age = (at: string) => span(now - Date.parse(at));
  return (
    <div className={classes.facts}>
      <IconDeviceDesktop size={20} stroke={1.6} className={classes.icon} aria-hidden />
      <div className={classes.words}>
        <Group gap={6}>
          <Text size="sm" fw={600} className={classes.name} title={agent}>
            {named ? name || user : browserName(agent)}
          </Text>
          {current && <Badge color="gray">this browser</Badge>}
          {in_control && <Badge leftSection={<IconSteeringWheel size={12} aria-hidden />}>in control</Badge>}
        </Group>
        <Text size="xs" c="dimmed" className="numbers">
          {[named && browserName(agent), from && `at ${from}`, proposal].filter(Boolean).join(' · ')}
        </Text>
        <Text size="xs" c="dimmed" className="numbers">
          since {clock(since, new Date(now))} ({age(since)}) · {tabs > 0 ? 'open now' : 'no open tab'}
          {` · last active ${age(last_active)} ago`}
        </Text>
      </div>
    </div>
  );
}
