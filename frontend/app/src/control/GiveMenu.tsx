import { useBaton, usePresence, useYou } from '@baton/react';
import { Menu, Text } from '@mantine/core';
import { IconArrowsExchange } from '@tabler/icons-react';
import { GuardedButton } from '../parts/Guarded.tsx';
import { Person } from '../parts/Person.tsx';
import type { Act } from '../parts/useAct.ts';
import { inOrder } from '../shell/People.tsx';

/** Hands control to somebody who did not ask. People are shown; of their login sessions the one connected last is meant. */
export function GiveMenu({ act }: { readonly act: Act }) {
  const { control } = useBaton();
  const you = useYou();
  const others = inOrder(usePresence(), []).filter(({ user }) => user !== you?.user);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <GuardedButton
          variant="default"
          leftSection={<IconArrowsExchange size={16} />}
          unless={others.length === 0 ? 'Nobody else is here.' : undefined}
        >
          Give control
        </GuardedButton>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: 'auto' }}>
        <Menu.Label>Give control to</Menu.Label>
        {others.map((member) => (
          <Menu.Item
            key={member.user}
            leftSection={<Person name={member.name} size={22} />}
            onClick={() => {
              const session = member.sessions.at(-1);
              if (session !== undefined) void act.attempt(() => control.give(session));
            }}
          >
            <Text size="sm" truncate maw={260}>
              {member.name}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
