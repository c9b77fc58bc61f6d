/** Numbers and times as people at a beamline write them. */

/** A position with its decimals. A true minus sign is as wide as a digit, so that columns stay in line. */
export function decimal(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}

/** "10:32", with the date when it was not today. */
export function clock(at: string, now = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}

/** "10:32:05", with the date when it was not today, and the year when it was not this one. */
export function second(at: string, now = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString([], { hour12: false });
  if (date.toDateString() === now.toDateString()) return time;
  const year = date.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const);
  return `${date.toLocaleDateString([], { day: 'numeric', month: 'short', ...year })}, ${time}`;
}

/** All of it: "25 November 2026, 10:32:05". */
export function moment(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const day = date.toLocaleDateString([], { day: 'numeric', month: 'long', year: 'numeric' });
  return `${day}, ${date.toLocaleTimeString([], { hour12: false })}`;
}

/** "12 s", "5 min", "2 h 10 min", "3 days". Clocks of two computers differ, so the future counts as now. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  return `${Math.floor(h / 24)} days`;
}

/** "0:21". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** "SafetyShutter" and "fast_shutter" as words. */
export function words(label: string): string {
  const text = label
    .replace(/_/g, ' ')
    .replace(/([a-z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** The unit as it is written beside a number. */
export function symbol(unit: string): string {
  return unit === 'deg' ? '°' : unit;
}

/** What the hub says, as a sentence. */
export function said(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return sentence === '' || /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
