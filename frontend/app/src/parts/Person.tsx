import { Avatar } from '@mantine/core';

/** A person as initials in a colour of their own. Decoration: the name stands beside it or in its label. */
export function Person({ name, size }: { readonly name: string; readonly size: number }) {
  return <Avatar name={name} color="initials" size={size} radius="xl" aria-hidden />;
}
