import { useValue } from '@baton/react';
import { ScrollArea, Skeleton, Stack } from '@mantine/core';
import { equipment, stopMotor } from '../beamline.ts';
import { useScroll } from '../memory/place.ts';
import { Panel } from '../parts/Panel.tsx';
import { StopButton } from '../parts/StopButton.tsx';
import { Actions } from './Actions.tsx';
import { Beam } from './Beam.tsx';
import { Motors } from './Motors.tsx';
import { Section } from './Section.tsx';
import { Shutters } from './Shutters.tsx';
import { View } from './View.tsx';

const isReady = ({ ready }: { readonly ready: boolean }) => ready;

/** The beamline's devices: what they say, and what may be done to them. */
export function Equipment() {
  const ready = useValue(equipment, isReady);
  const scroll = useScroll('equipment', ready);
  return (
    <Panel
      title="Beamline"
      area="equipment"
      actions={<StopButton def={stopMotor} args={{}} label="Stop motors" />}
    >
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8} {...scroll}>
        {/* What is not known yet is not shown as if there were none. */}
        {ready ? <Devices /> : <Unknown />}
      </ScrollArea>
    </Panel>
  );
}

function Devices() {
  return (
    <>
      <Section title="Beam">
        <Beam />
      </Section>
      <Section title="Shutters">
        <Shutters />
      </Section>
      <Section title="Motors">
        <Motors />
      </Section>
      <Section title="View">
        <View />
      </Section>
      <Section title="Actions">
        <Actions />
      </Section>
    </>
  );
}

function Unknown() {
  return (
    <Stack gap="md" p="sm" aria-hidden>
      {[44, 60, 180, 80].map((height) => (
        <Skeleton key={height} h={height} />
      ))}
    </Stack>
  );
}
