import { Button, Divider, Group } from '@mantine/core';

/** The users of a hub in development mode, whose password is their name: one press signs in. */
export function DemoUsers({
  users,
  disabled,
  enter,
}: {
  readonly users: readonly string[];
  readonly disabled: boolean;
  readonly enter: (name: string) => void;
}) {
  if (users.length === 0) return null;
  return (
    <>
      <Divider label="Development mode: sign in as" mt={4} />
      <Group gap="xs" grow preventGrowOverflow={false}>
        {users.map((name) => (
          <Button
            key={name}
            variant="default"
            size="sm"
            px="xs"
            disabled={disabled}
            onClick={() => enter(name)}
          >
            {name}
          </Button>
        ))}
      </Group>
    </>
  );
}
