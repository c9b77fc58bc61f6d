import { ActionIcon, type ActionIconProps, Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { ComponentProps, ReactNode } from 'react';
import { type Guard, useGuard } from './useGuard.ts';

interface Pressable {
  /** Given by what is around it where there is none: a menu. */
  readonly onClick?: () => void;
  /** A reason of the place itself not to allow it now, such as "Nothing is selected." The guard's comes first. */
  readonly unless?: string | undefined;
  /** Who may press it; default: the operator. */
  readonly guard?: Guard;
  readonly children: ReactNode;
}

/**
 * A button that stays visible, and can be focused, when it may not be pressed; it then says why. So `disabled` is told
 * by aria-disabled: a truly disabled button neither takes the focus nor shows its reason.
 */
export function GuardedButton({ onClick, unless, guard, ...button }: ButtonProps & Pressable) {
  const { refusal, press } = usePress(onClick, unless, guard);
  return (
    <Tooltip label={refusal} disabled={refusal === undefined} multiline maw={280}>
      <Button {...button} {...press} />
    </Tooltip>
  );
}

type Handlers = Pick<
  ComponentProps<'button'>,
  | 'onPointerDown'
  | 'onPointerUp'
  | 'onPointerCancel'
  | 'onPointerLeave'
  | 'onBlur'
  | 'onContextMenu'
  | 'onKeyDown'
  | 'onKeyUp'
>;

/** The same for an icon; `label` is its name, and its tooltip when it may be pressed, with a hint of what else it does. */
export function GuardedIcon({
  onClick,
  unless,
  guard,
  label,
  hint,
  ...icon
}: ActionIconProps & Handlers & Pressable & { readonly label: string; readonly hint?: string }) {
  const { refusal, press } = usePress(onClick, unless, guard);
  const tip = hint === undefined ? label : `${label}. ${hint}.`;
  return (
    <Tooltip label={refusal ?? tip} multiline maw={280}>
      <ActionIcon {...icon} {...press} aria-label={label} />
    </Tooltip>
  );
}

function usePress(onClick: (() => void) | undefined, unless: string | undefined, given: Guard | undefined) {
  const operator = useGuard();
  const guard = given ?? operator;
  const refusal = guard.may ? unless : guard.reason;
  const press =
    refusal === undefined
      ? onClick && { onClick }
      : ({ 'data-disabled': true, 'aria-disabled': true } as const);
  return { refusal, press };
}
