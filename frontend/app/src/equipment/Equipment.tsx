import { ScrollArea } from '@mantine/core';
import { stopMotor } from '../beamline.ts';
import { Panel } from '../parts/Panel.tsx';
import { StopButton } from '../parts/StopButton.tsx';
import { Actions } from './Actions.tsx';
import { Beam } from './Beam.tsx';
import { Motors } from './Motors.tsx';
import { Section } from './Section.tsx';
import { Shutters } from './Shutters.tsx';
import { View } from './View.tsx';

/** The beamline's devices: what they say, and what may be done to them. */
export function Equipment() {
  return (
    <Panel
      title="Beamline"
      area="equipment"
      actions={<StopButton def={stopMotor} args={{}} label="Stop motors" />}
    >
      <ScrollArea flex={1} mih={0} type="auto" scrollbarSize={8}>
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
      </ScrollArea>
    </Panel>
  );
}
