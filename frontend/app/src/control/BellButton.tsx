import { ActionIcon, Tooltip } from '@mantine/core';
import { IconBell, IconBellOff, IconBellRinging } from '@tabler/icons-react';
import { ringOrNot, useBell } from './bell.ts';

const words = {
  on: 'You are notified when somebody asks for control and you look elsewhere. Press to stop that.',
  off: 'Notify me when somebody asks for control and I look elsewhere',
  blocked: 'This browser blocks notifications of this page. Its settings can allow them.',
};

/** Browser notifications: asked for by this press, never on load. Not there where the browser has none. */
export function BellButton() {
  const { can, on } = useBell();
  if (can === 'absent') return null;
  const state = can === 'blocked' ? 'blocked' : on ? 'on' : 'off';
  const Icon = { on: IconBellRinging, off: IconBell, blocked: IconBellOff }[state];
  return (
    <Tooltip label={words[state]} multiline maw={260}>
      <ActionIcon
        size={32}
        aria-label="Notifications of requests for control"
        aria-pressed={on}
        {...(can === 'blocked' && { 'data-disabled': true, 'aria-disabled': true })}
        onClick={() => void (can === 'yes' && ringOrNot())}
      >
        <Icon size={18} />
      </ActionIcon>
    </Tooltip>
  );
}
