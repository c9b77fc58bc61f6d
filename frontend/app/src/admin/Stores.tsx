import { defineStore, type StoreView } from '@baton/client';
import { useBaton, useReadable, useWelcome } from '@baton/react';
import {
  Badge,
  Code,
  Group,
  NavLink,
  Stack,
  Text,
  Tree,
  type TreeNodeData,
  UnstyledButton,
  useTree,
} from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { moment, plural } from '../format.ts';
import classes from './Admin.module.css';
import { Nothing, Page } from './Page.tsx';

/** Every store of the space as it is now: its keys as a tree, and of each its value, and who changed it when. */
export function Stores() {
  const channels = useWelcome()?.channels ?? {};
  const names = Object.keys(channels)
    .filter((name) => channels[name]?.kind === 'store')
    .sort();
  const [chosen, setChosen] = useState<string>();
  const name = chosen ?? names[0];
  return (
    <Page
      title="Stores"
      about="What the space holds at this moment, as it changes. Nothing can be changed here."
    >
      <div className={classes.stores}>
        <nav aria-label="Stores">
          {names.map((one) => (
            <NavLink
              key={one}
              component="button"
              label={one}
              description={[channels[one]?.scope ?? 'space', channels[one]?.live && 'live']
                .filter(Boolean)
                .join(', ')}
              active={one === name}
              aria-current={one === name || undefined}
              onClick={() => setChosen(one)}
              py={4}
            />
          ))}
        </nav>
        {name === undefined ? (
          <Nothing>There are no stores that you may read.</Nothing>
        ) : (
          <Store key={name} name={name} live={channels[name]?.live === true} />
        )}
      </div>
    </Page>
  );
}

function Store({ name, live }: { readonly name: string; readonly live: boolean }) {
  const baton = useBaton();
  const view = useReadable(
    useMemo(() => baton.store(defineStore<unknown>({ name, live })), [baton, name, live]),
  );
  const [key, setKey] = useState<string>();
  const shown = key !== undefined && view.values.has(key) ? key : undefined;
  if (view.refused !== undefined) return <Nothing>{view.refused.detail}</Nothing>;
  return (
    <>
      <Keys view={view} chosen={shown} choose={setKey} />
      {shown === undefined ? (
        <Nothing>{view.values.size === 0 ? '' : 'Choose a key to see its value.'}</Nothing>
      ) : (
        <Value view={view} name={shown} />
      )}
    </>
  );
}

function Keys({
  view,
  chosen,
  choose,
}: {
  readonly view: StoreView<unknown>;
  readonly chosen: string | undefined;
  readonly choose: (key: string) => void;
}) {
  const joined = [...view.values.keys()].sort().join('\n');
  const data = useMemo(() => branches(joined === '' ? [] : joined.split('\n')), [joined]);
  const tree = useTree();
  if (view.ready && view.values.size === 0) return <Nothing>It is empty.</Nothing>;
  return (
    <div>
      <Text size="xs" c="dimmed" mb={4}>
        {view.ready ? plural(view.values.size, 'key') : 'Loading'}
      </Text>
      <Tree
        data={data}
        tree={tree}
        levelOffset={16}
        renderNode={({ node, expanded, hasChildren, elementProps }) =>
          hasChildren ? (
            <Group
              gap={4}
              {...elementProps}
              className={`${elementProps.className} ${classes.branch}`}
              wrap="nowrap"
            >
              <IconChevronRight
                size={14}
                style={{ transform: expanded ? 'rotate(90deg)' : undefined }}
                aria-hidden
              />
              <Text size="sm" fw={600}>
                {node.label}
              </Text>
            </Group>
          ) : (
            <div {...elementProps}>
              <UnstyledButton
                className={classes.leaf}
                data-chosen={node.value === chosen || undefined}
                onClick={() => choose(node.value)}
              >
                <Text size="sm" truncate>
                  {node.label}
                </Text>
                <Text size="xs" c="dimmed" className="numbers">
                  {view.keys.get(node.value)?.position || ''}
                </Text>
              </UnstyledButton>
            </div>
          )
        }
      />
    </div>
  );
}

/** Keys as a tree: "motor/omega" is omega in motor/. */
export function branches(keys: readonly string[]): TreeNodeData[] {
  const tops = new Map<string, string[]>();
  const leaves: TreeNodeData[] = [];
  for (const key of keys) {
    const cut = key.indexOf('/');
    if (cut < 0) {
      leaves.push({ value: key, label: key });
      continue;
    }
    const top = key.slice(0, cut + 1);
    tops.set(top, [...(tops.get(top) ?? []), key]);
  }
  const grown = [...tops].map(
    ([top, all]): TreeNodeData => ({
      value: `${top}…`, // no key, so that it is never taken for one
      label: top,
      children: all.map((key) => ({ value: key, label: key.slice(top.length) })),
    }),
  );
  return [...grown, ...leaves];
}

function Value({ view, name }: { readonly view: StoreView<unknown>; readonly name: string }) {
  const state = view.keys.get(name);
  return (
    <Stack gap={6} className={classes.value}>
      <Text fw={650} style={{ overflowWrap: 'anywhere' }}>
        {name}
      </Text>
      <Group gap={6}>
        {state !== undefined && state.position > 0 && <Badge color="gray">position {state.position}</Badge>}
        {state?.by && (
          <Text size="xs" c="dimmed">
            by {state.by}, {moment(state.at)}
          </Text>
        )}
      </Group>
      <Code block className={classes.json}>
        {JSON.stringify(view.values.get(name), null, 2)}
      </Code>
    </Stack>
  );
}
