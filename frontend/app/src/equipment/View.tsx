import { Group, SegmentedControl, Switch, Text, Tooltip } from '@mantine/core';
import { setAperture, setLight, setZoom } from '../beamline.ts';
import { Marked } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import { useGuard } from '../parts/useGuard.ts';
import classes from './Equipment.module.css';
import { useEquipment, useNamed, useNames } from './read.ts';

/** How the sample is seen and lit. */
export function View() {
  const lights = useNames('light/');
  return (
    <>
      <Zoom />
      <Aperture />
      <div className={classes.choice}>
        <Text size="sm">Lights</Text>
        <Group gap="lg">
          {lights.map((name) => (
            <LightSwitch key={name} name={name} />
          ))}
        </Group>
      </div>
    </>
  );
}

function Zoom() {
  const zoom = useEquipment('zoom');
  const { mark, call } = useCall(setZoom);
  if (zoom === undefined) return null;
  return (
    <Marked mark={mark} mx={-6} px={6}>
      <Choice
        label="Zoom"
        value={zoom.value}
        options={zoom.values.map((value) => ({ value, label: value.replace(/^LEVEL/, '') }))}
        choose={(value) => void call({ value })}
      />
    </Marked>
  );
}

function Aperture() {
  const aperture = useEquipment('aperture');
  const { mark, call } = useCall(setAperture);
  if (aperture === undefined) return null;
  return (
    <Marked mark={mark} mx={-6} px={6}>
      <Choice
        label={`Aperture${aperture.unit === undefined ? '' : ` ${aperture.unit}`}`}
        value={String(aperture.value)}
        options={aperture.values.map((value) => ({ value: String(value), label: String(value) }))}
        choose={(value) => void call({ value: Number(value) })}
      />
    </Marked>
  );
}

function Choice({
  label,
  value,
  options,
  choose,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: { value: string; label: string }[];
  readonly choose: (value: string) => void;
}) {
  const guard = useGuard();
  return (
    <div className={classes.choice}>
      <Text size="sm" lh={1.25}>
        {label}
      </Text>
      <Tooltip label={guard.may ? '' : guard.reason} disabled={guard.may}>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label={label}
          value={value}
          data={options}
          readOnly={!guard.may}
          disabled={!guard.may}
          onChange={choose}
        />
      </Tooltip>
    </div>
  );
}

function LightSwitch({ name }: { readonly name: string }) {
  const light = useNamed('light/', name);
  const { mark, call } = useCall(setLight);
  const guard = useGuard();
  if (light === undefined) return null;
  return (
    <Marked mark={mark}>
      <Tooltip label={guard.may ? '' : guard.reason} disabled={guard.may} refProp="rootRef">
        <Switch
          label={light.label.replace(/ light$/i, '')}
          aria-label={light.label}
          size="sm"
          checked={light.on}
          disabled={!guard.may}
          onChange={(event) => void call({ light: name, on: event.currentTarget.checked })}
        />
      </Tooltip>
    </Marked>
  );
}
