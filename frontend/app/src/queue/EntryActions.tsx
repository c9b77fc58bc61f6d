import { Group, Menu } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconArrowDown, IconArrowUp, IconDotsVertical, IconTrash } from '@tabler/icons-react';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { useKeptGuard } from '../parts/useGuard.ts';

interface Props {
  readonly name: string;
  /** Why nothing may be done with it, besides who is in control. */
  readonly held: string | undefined;
  readonly up: (() => void) | undefined;
  readonly down: (() => void) | undefined;
  readonly remove: () => void;
}

/** What can be done with an entry besides dragging it: side by side, or in a menu where each would be as large as a finger. */
export function EntryActions(props: Props) {
  const fingers = useMediaQuery('(pointer: coarse)');
  return fingers ? <InMenu {...props} /> : <SideBySide {...props} />;
}

function SideBySide({ name, held, up, down, remove }: Props) {
  const guard = useKeptGuard();
  return (
    <Group gap={0} wrap="nowrap">
      <GuardedIcon
        guard={guard}
        label={`Move ${name} up`}
        unless={held ?? (up ? undefined : 'It is the first.')}
        onClick={up ?? nothing}
      >
        <IconArrowUp size={15} />
      </GuardedIcon>
      <GuardedIcon
        guard={guard}
        label={`Move ${name} down`}
        unless={held ?? (down ? undefined : 'It is the last.')}
        onClick={down ?? nothing}
      >
        <IconArrowDown size={15} />
      </GuardedIcon>
      <GuardedIcon guard={guard} label={`Delete ${name}`} unless={held} onClick={remove}>
        <IconTrash size={15} />
      </GuardedIcon>
    </Group>
  );
}

function InMenu({ name, held, up, down, remove }: Props) {
  const guard = useKeptGuard();
  const may = guard.may && held === undefined;
  return (
    // It would be cut off by the list that scrolls.
    <Menu position="bottom-end" withinPortal disabled={!may}>
      <Menu.Target>
        <GuardedIcon guard={guard} label={`Move or delete ${name}`} unless={held}>
          <IconDotsVertical size={18} />
        </GuardedIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconArrowUp size={16} />} disabled={!up} onClick={up ?? nothing}>
          Move up
        </Menu.Item>
        <Menu.Item leftSection={<IconArrowDown size={16} />} disabled={!down} onClick={down ?? nothing}>
          Move down
        </Menu.Item>
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove}>
          Delete
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function nothing() {}
