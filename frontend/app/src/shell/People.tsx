import type { Member } from '@baton/client';
import { useControl, usePresence, useYou } from '@baton/react';
import { Avatar, Badge, Group, Indicator, Popover, Stack, Text, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconSteeringWheel } from '@tabler/icons-react';
import { useMemo } from 'react';
import { plural } from '../format.ts';
import { Drawn } from '../parts/Drawn.tsx';
import { Person } from '../parts/Person.tsx';
import { type Links, Quality, useLinks } from './Quality.tsx';

/** So many faces: all that a line has room for. */
const most = { wide: 5, narrow: 2 };

/** Who is here: faces in the header, and on a press the list with their connections: the tabs of a browser have one. Services are no people. */
export function People() {
  const present = usePresence();
  const driver = useControl().operator?.user;
  const self = useYou()?.user;
  const people = useMemo(() => inOrder(present, [driver, self]), [present, driver, self]);
  const links = useLinks();
  const shown = useMediaQuery('(max-width: 800px)') ? most.narrow : most.wide;
  return (
    <Popover position="bottom-end" width={372} shadow="md">
      <Popover.Target>
        <UnstyledButton flex="none" aria-label={`${plural(people.length, 'person is', 'people are')} here`}>
          <Group gap={5} wrap="nowrap">
            {people.slice(0, shown).map((member) => (
              <Face key={member.user} member={member} />
            ))}
            {people.length > shown && (
              <Avatar size={30} radius="xl" className="numbers">
                <Drawn text={`+${people.length - shown}`} />
              </Avatar>
            )}
          </Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown mah={420} style={{ overflowY: 'auto' }} tabIndex={0}>
        <Text size="xs" c="dimmed" mb="xs">
          {plural(people.length, 'person', 'people')} here
        </Text>
        <Stack gap="xs" component="ul" m={0} p={0} aria-label="People here">
          {people.map((member) => (
            <Line key={member.user} member={member} links={links} />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** People, not services: these first, then the others by name. */
export function inOrder(all: readonly Member[], first: readonly (string | undefined)[]): Member[] {
  const rank = ({ user }: Member) => (first.includes(user) ? first.indexOf(user) : first.length);
  return all
    .filter((member) => !member.roles.includes('service'))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

function Face({ member }: { readonly member: Member }) {
  const drives = useControl().operator?.user === member.user;
  return (
    <Indicator
      label={drives ? <IconSteeringWheel size={11} /> : <Drawn text={member.connections} />}
      disabled={!drives && member.connections < 2}
      color={drives ? 'petrol' : 'gray.6'}
      size={15}
      offset={4}
      position="bottom-end"
    >
      <Person name={member.name} size={30} />
    </Indicator>
  );
}

function Line({ member, links: { others, own: mine } }: { readonly member: Member; readonly links: Links }) {
  const theirs = others.get(member.user) ?? [];
  const drives = useControl().operator?.user === member.user;
  const own = useYou()?.user === member.user;
  return (
    <Group component="li" gap="xs" wrap="nowrap" style={{ listStyle: 'none' }}>
      <Person name={member.name} size={28} />
      <div style={{ minWidth: 0, flex: 1 }}>
        <Text size="sm" truncate title={member.name}>
          {member.name}
          {own && ' (you)'}
        </Text>
        <Group gap={6} wrap="nowrap">
          {drives && (
            <Badge leftSection={<IconSteeringWheel size={12} />} style={{ flex: 'none' }}>
              in control
            </Badge>
          )}
          <Text size="xs" c="dimmed" truncate>
            {member.roles.join(', ')} · {plural(member.connections, 'connection')}
          </Text>
        </Group>
      </div>
      <Quality links={own ? [...mine, ...theirs] : theirs} />
    </Group>
  );
}
