import {
  ActionIcon,
  Badge,
  Button,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Menu,
  NumberInput,
  Popover,
  Select,
  Tabs,
  Textarea,
  TextInput,
  Tooltip,
} from '@mantine/core';

/** The colour of control: who drives, what is on, what one may press. */
const petrol: MantineColorsTuple = [
  '#e6f6f9',
  '#cfe8ee',
  '#9fd1dc',
  '#6bb8c9',
  '#43a3b8',
  '#2a94ac',
  '#1a8199',
  '#12687c',
  '#0c5566',
  '#04404e',
];

/** A cool, low-contrast dark for a control room at night. */
const dark: MantineColorsTuple = [
  '#d3dbe0',
  '#b4bfc6',
  '#8d9aa3',
  '#66747e',
  '#3c4851',
  '#2e3941',
  '#222b32',
  '#182026',
  '#12181d',
  '#0c1115',
];

export const theme = createTheme({
  colors: { petrol, dark },
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 6 },
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 28 } }),
    Badge: Badge.extend({ defaultProps: { variant: 'light', radius: 'sm', size: 'sm', tt: 'none' } }),
    Button: Button.extend({ defaultProps: { size: 'xs' } }),
    // Where it was opened from, for who reads by ear; and on its first entry, for who has no mouse.
    Menu: Menu.extend({ defaultProps: { withinPortal: false, withInitialFocusPlaceholder: false } }),
    Popover: Popover.extend({ defaultProps: { withinPortal: false } }),
    NumberInput: NumberInput.extend({ defaultProps: { size: 'xs' } }),
    Select: Select.extend({ defaultProps: { size: 'xs' } }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    Textarea: Textarea.extend({ defaultProps: { size: 'sm' } }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    Tooltip: Tooltip.extend({
      defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } },
    }),
  },
});

/** Small text has to be read at night: Mantine's grey and light-coloured words are too faint for that (WCAG AA). */
export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#59636c',
    '--mantine-color-placeholder': '#6b757e',
    '--mantine-color-error': '#c22525',
    '--mantine-color-red-text': '#c22525',
    '--mantine-color-green-light-color': '#1d6630',
    '--mantine-color-orange-light-color': '#963500',
    '--mantine-color-yellow-light-color': '#7a4a00',
    '--mantine-color-red-light-color': '#a51d1d',
  },
  dark: {
    '--mantine-color-dimmed': '#9ca9b2',
    '--mantine-color-placeholder': '#8b98a1',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-red-text': '#ff8787',
  },
});

/** A press that takes something from somebody. White words on it can be read, which they cannot on Mantine's orange. */
export const grave = '#b93d0b';

/** Where the browser keeps the colour scheme for the time before sign-in; public/scheme.js reads it. */
export const schemeKey = 'baton-colour-scheme';
