import { Avatar } from '@mantine/core';

/** Those of Mantine's colours whose initials can be read well, in light and dark. */
const colors = ['indigo', 'violet', 'grape', 'blue', 'pink'];

/** A person as initials in a colour of their own. Decoration: the name stands beside it or in its label. */
export function Person({ name, size }: { readonly name: string; readonly size: number }) {
  return (
    <Avatar name={name} color="initials" allowedInitialsColors={colors} size={size} radius="xl" aria-hidden />
  );
}
