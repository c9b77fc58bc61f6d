import { signInAt } from '@baton/client/session';
import { Button, Divider, Stack } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import classes from './SignIn.module.css';

/** Signing in at another site: a way there for each. It comes back to this page. */
export function Providers({
  providers,
  space,
  proposal,
  replace,
}: {
  readonly providers: readonly { readonly name: string; readonly title: string }[];
  readonly space: string;
  readonly proposal: string;
  /** The person has been asked whether the other sign-in may be closed, by coming back with that question. */
  readonly replace: boolean;
}) {
  if (providers.length === 0) return null;
  // Who is refused there comes back with the same space chosen.
  const back = `${location.pathname}?space=${encodeURIComponent(space)}`;
  const more = { ...(proposal !== '' && { proposal }), ...(replace && { replace }) };
  return (
    <>
      <Divider label="or" mt={4} />
      <Stack gap="xs">
        {providers.map(({ name, title }) => (
          <Button
            key={name}
            component="a"
            href={signInAt({ provider: name, space, back, ...more })}
            variant="default"
            size="sm"
            classNames={{ root: classes.provider, label: classes.providerLabel }}
            leftSection={<IconExternalLink size={16} aria-hidden />}
          >
            {replace ? `Close the other and sign in with ${title}` : `Sign in with ${title}`}
          </Button>
        ))}
      </Stack>
    </>
  );
}
