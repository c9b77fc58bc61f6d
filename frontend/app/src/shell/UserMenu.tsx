import { useYou } from '@baton/react';
import { Menu, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconDevices, IconLogout, IconSettings } from '@tabler/icons-react';
import { Person } from '../parts/Person.tsx';
import { Sessions } from '../sessions/Sessions.tsx';
import type { BeamlineProps } from './Beamline.tsx';
import { SignOut, useSignOut } from './SignOut.tsx';

/** What concerns the person who is signed in: their login sessions, and the way out. */
export function UserMenu({ leave }: Pick<BeamlineProps, 'leave'>) {
  const you = useYou();
  const [opened, sessions] = useDisclosure(false);
  const out = useSignOut(leave);
  if (you === null) return null;
  return (
    <>
      <Menu position="bottom-end" width={250}>
        <Menu.Target>
          <UnstyledButton aria-label={`Signed in as ${you.name}`}>
            <Person name={you.name} size={32} />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label style={{ overflowWrap: 'anywhere' }}>
            Signed in as {you.name} ({you.roles.join(', ')}){you.proposal && `, proposal ${you.proposal}`}
          </Menu.Label>
          <Menu.Item leftSection={<IconDevices size={16} />} onClick={sessions.open}>
            Login sessions
          </Menu.Item>
          {looksAfter(you.roles) && (
            <Menu.Item component="a" href="#admin" leftSection={<IconSettings size={16} />}>
              Administration
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void out.attempt({})}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Sessions opened={opened} close={sessions.close} />
      <SignOut out={out} />
    </>
  );
}

/** Whether there is something to administer for somebody with these roles. */
export function looksAfter(roles: readonly string[]): boolean {
  return roles.includes('admin') || roles.includes('staff');
}
