import { useStore } from '@baton/react';
import { Tabs } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconChartLine, IconFlask2, IconZoomScan } from '@tabler/icons-react';
import { useState } from 'react';
import { samples } from '../beamline.ts';
import { plural } from '../format.ts';
import { usePlace } from '../memory/place.ts';
import { Panel } from '../parts/Panel.tsx';
import { useUi } from '../parts/useUi.ts';
import { FindSample, SampleList } from '../samples/Samples.tsx';
import { ScanView } from '../scan/ScanView.tsx';
import { SampleView } from '../view/SampleView.tsx';
import classes from './Stage.module.css';

const tabs = [
  { value: 'samples', label: 'Samples', icon: IconFlask2 },
  { value: 'view', label: 'Sample view', icon: IconZoomScan },
  { value: 'scan', label: 'Scan', icon: IconChartLine },
] as const;
type Tab = (typeof tabs)[number]['value'];

/** The middle of the screen: the samples, the one in the beam, and what it gives. On a wide screen, the samples and one. */
export function Stage() {
  const wide = useMediaQuery('(min-width: 1640px)');
  const chosen = useState<readonly string[]>([]);
  const find = usePlace('find a sample');
  const [tab, setTab] = useUi<Tab>('stage', ['samples', 'view', 'scan'], 'samples');
  const { ready, values } = useStore(samples);
  const known = ready || values.size > 0; // by the hub, or by what the browser remembers
  const list = <SampleList chosen={chosen} find={find[0]} mounted={() => setTab('view')} />;
  const count = known ? plural(values.size, 'sample') : '';
  const shown = wide && tab === 'samples' ? 'view' : tab;
  return (
    <>
      {wide && (
        <Panel
          title="Samples"
          area="samples"
          unconfirmed={known && !ready}
          note={count}
          actions={<FindSample find={find} />}
        >
          {list}
        </Panel>
      )}
      <Tabs
        value={shown}
        onChange={(value) => setTab(tabs.find((one) => one.value === value)?.value ?? 'samples')}
        variant="pills"
        className={classes.tabs}
        style={{ gridArea: wide ? 'view' : 'samples' }}
      >
        <Panel
          title={tabs.find(({ value }) => value === shown)?.label ?? ''}
          untitled
          part={wide ? 'view' : 'samples'}
          unconfirmed={shown === 'samples' && known && !ready}
          note={<StageTabs offered={wide ? tabs.slice(1) : tabs} />}
          actions={shown === 'samples' && <FindSample find={find} />}
        >
          {!wide && (
            <Tabs.Panel value="samples" className={classes.panel}>
              {list}
            </Tabs.Panel>
          )}
          <Tabs.Panel value="view" className={classes.panel}>
            <SampleView />
          </Tabs.Panel>
          <Tabs.Panel value="scan" className={classes.panel}>
            <ScanView />
          </Tabs.Panel>
        </Panel>
      </Tabs>
    </>
  );
}

/** What can be shown here. */
function StageTabs({ offered }: { readonly offered: readonly (typeof tabs)[number][] }) {
  return (
    <Tabs.List>
      {offered.map(({ value, label, icon: Icon }) => (
        <Tabs.Tab key={value} value={value} leftSection={<Icon size={15} aria-hidden />}>
          {label}
        </Tabs.Tab>
      ))}
    </Tabs.List>
  );
}
