/** The colours of the plot: readable on their ground, and apart also for eyes that do not tell red from green. */
export const inks = {
  light: { words: '#59636c', grid: '#e3e8eb', spots: '#12687c', resolution: '#a1480b' },
  dark: { words: '#9ca9b2', grid: '#27313a', spots: '#6bb8c9', resolution: '#f0a35e' },
} as const;
