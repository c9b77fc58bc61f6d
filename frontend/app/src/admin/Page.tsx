import { Alert, Group, ScrollArea, Skeleton, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './Admin.module.css';

/** A page of the administration: its name, what it is for, its tools; and why it could not be brought up to date. */
export function Page({
  title,
  about,
  tools,
  failed,
  empty = false,
  children,
}: {
  readonly title: string;
  readonly about: string;
  readonly tools?: ReactNode;
  readonly failed?: string | undefined;
  /** There is nothing to show yet: it is asked for, or that has failed. */
  readonly empty?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div className={classes.page}>
      <Group className={classes.head} justify="space-between" wrap="wrap" gap="xs">
        <div className={classes.words}>
          <Title order={3} size="md">
            {title}
          </Title>
          <Text size="xs" c="dimmed">
            {about}
          </Text>
        </div>
        <Group gap="xs">{tools}</Group>
      </Group>
      {failed !== undefined && (
        <Alert role="alert" color="orange" mx="md" mb="xs" p="xs">
          <Text size="sm">{failed}</Text>
          <Text size="xs">It is asked again by itself.</Text>
        </Alert>
      )}
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8} viewportProps={{ tabIndex: 0 }}>
        <div className={classes.content}>{!empty ? children : failed === undefined && <Unknown />}</div>
      </ScrollArea>
    </div>
  );
}

function Unknown() {
  return (
    <Stack gap="xs" pt={6} aria-hidden>
      {[1, 2, 3, 4].map((n) => (
        <Skeleton key={n} h={26} />
      ))}
    </Stack>
  );
}

/** What a table says that has no rows. */
export function Nothing({ children }: { readonly children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed" ta="center" py="xl">
      {children}
    </Text>
  );
}
