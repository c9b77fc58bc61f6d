import { BatonError, type TakeOptions, type You } from '@baton/client';
import { useBaton, useControl, useYou } from '@baton/react';
import { useDisclosure } from '@mantine/hooks';
import { IconDoorExit, IconHandStop, IconSteeringWheel } from '@tabler/icons-react';
import { useState } from 'react';
import { said } from '../format.ts';
import { useConfirmed } from '../parts/Confirmation.tsx';
import { GuardedButton } from '../parts/Guarded.tsx';
import { ReasonDialog } from '../parts/ReasonDialog.tsx';
import type { Act } from '../parts/useAct.ts';
import { useConnected } from '../parts/useGuard.ts';
import { grave } from '../theme.ts';
import { GiveMenu } from './GiveMenu.tsx';
import type { SeatWord } from './useSeat.ts';

interface Props {
  readonly seat: SeatWord;
  readonly act: Act;
}

/** What this person can do about the seat. */
export function Actions({ seat, act }: Props) {
  const { control } = useBaton();
  const view = useControl();
  const you = useYou();
  const guard = useConnected();
  if (seat === 'unknown') return null;
  if (seat === 'vacant') {
    return (
      <GuardedButton
        guard={guard}
        leftSection={<IconSteeringWheel size={16} />}
        onClick={() => void act.attempt(() => control.request())}
      >
        Take the seat
      </GuardedButton>
    );
  }
  if (view.mine) {
    return (
      <>
        <GiveMenu act={act} />
        <GuardedButton
          guard={guard}
          variant="default"
          leftSection={<IconDoorExit size={16} />}
          onClick={() => void act.attempt(() => control.release())}
        >
          Release control
        </GuardedButton>
      </>
    );
  }
  if (view.operator?.user === you?.user) return <TakeOver act={act} />;
  return (
    <>
      {mayTake(you) && <Take act={act} />}
      <Ask act={act} />
    </>
  );
}

/** Asks the operator for control, or withdraws that. */
function Ask({ act }: { readonly act: Act }) {
  const { control } = useBaton();
  const { operator, requests } = useControl();
  const you = useYou();
  const guard = useConnected();
  const [opened, dialog] = useDisclosure(false);
  if (requests.some((request) => request.session === you?.session)) {
    return (
      <GuardedButton guard={guard} variant="default" onClick={() => void act.attempt(() => control.cancel())}>
        Withdraw request
      </GuardedButton>
    );
  }
  return (
    <>
      <GuardedButton guard={guard} leftSection={<IconHandStop size={16} />} onClick={dialog.open}>
        Ask for control
      </GuardedButton>
      <ReasonDialog
        opened={opened}
        close={dialog.close}
        title="Ask for control"
        explain={`${operator?.name ?? 'The operator'} sees your message and decides. Nothing changes until then.`}
        label="Message"
        confirm="Ask"
        onConfirm={(message) => void act.attempt(() => control.request(message))}
      />
    </>
  );
}

/** Takes control from oneself on another computer, without ado. */
function TakeOver({ act }: { readonly act: Act }) {
  const { take, dialog } = useTake(act, 'yourself on the other computer');
  return (
    <>
      <GuardedButton
        guard={useConnected()}
        leftSection={<IconSteeringWheel size={16} />}
        onClick={() => take({ reason: 'taken over here' })}
      >
        Take over here
      </GuardedButton>
      {dialog}
    </>
  );
}

function mayTake(you: You | null): boolean {
  return you?.roles.some((role) => role === 'staff' || role === 'admin') === true;
}

/** Staff take control with a reason. */
function Take({ act }: { readonly act: Act }) {
  const name = useControl().operator?.name ?? 'the operator';
  const guard = useConnected();
  const { take, dialog } = useTake(act, name);
  const [opened, ask] = useDisclosure(false);
  return (
    <>
      <GuardedButton guard={guard} variant="default" onClick={ask.open}>
        Take control
      </GuardedButton>
      <ReasonDialog
        opened={opened}
        close={ask.close}
        title={`Take control from ${name}`}
        explain="They lose control at once. Your reason is shown to them and kept in the journal."
        label="Reason"
        confirm="Take control"
        color={grave}
        required
        onConfirm={(reason) => take({ reason })}
      />
      {dialog}
    </>
  );
}

/** Takes control, with the password if that is wanted; asks whether to force it where the hub says that one may. */
function useTake(act: Act, from: string) {
  const { control } = useBaton();
  const confirmed = useConfirmed();
  const [refused, setRefused] = useState('');
  const [forcing, force] = useDisclosure(false);
  const take = (how: TakeOptions) =>
    void act.attempt(async () => {
      try {
        await confirmed(() => control.take(how));
      } catch (err) {
        if (!(err instanceof BatonError)) throw err;
        if (err.code === 'cancelled') return;
        if (err.code !== 'busy' || err.more.may_force !== true) throw err;
        setRefused(err.detail);
        force.open();
      }
    });
  const dialog = (
    <ReasonDialog
      opened={forcing}
      close={force.close}
      title="Not while the beamline runs"
      explain={`${said(refused)} Control is then taken from ${from}, and nothing stops by that.`}
      label="Reason"
      confirm="Take control anyway"
      color="red.8"
      required
      onConfirm={(reason) => take({ reason, force: true })}
    />
  );
  return { take, dialog };
}
