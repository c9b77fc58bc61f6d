import { Avatar } from '@mantine/core';
import { Drawn } from './Drawn.tsx';

/** Those of Mantine's colours whose initials can be read well, in light and dark. */
const colors = ['indigo', 'violet', 'grape', 'blue', 'pink'];

/** A person as initials in a colour of their own. Decoration: the name stands beside it or in its label. */
export function Person({ name, size }: { readonly name: string; readonly size: number }) {
  return (
    <Avatar name={name} color="initials" allowedInitialsColors={colors} size={size} radius="xl" aria-hidden>
      <Drawn text={initials(name)} />
    </Avatar>
  );
}

/** "AM" of Alice Moreau, "AL" of Alice. */
export function initials(name: string): string {
  const [first = '', ...more] = name.trim().split(/\s+/);
  const last = more.at(-1);
  return (last === undefined ? first.slice(0, 2) : first.slice(0, 1) + last.slice(0, 1)).toUpperCase();
}
