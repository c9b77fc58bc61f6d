import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newer, patched } from '../src/json.js';

// The same cases that the hub's own tests read.
const file = new URL('../../../channels/mergepatch/testdata/cases.json', import.meta.url);
const cases = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly name: string;
  readonly value?: unknown;
  readonly patch: unknown;
  readonly result: unknown;
}[];

describe('a merge patch', () => {
  it('has cases', () => expect(cases.length).toBeGreaterThanOrEqual(15));

  it.each(cases.map((c) => [c.name, c] as const))('makes what RFC 7396 says of %s', (_name, c) => {
    const before = JSON.stringify(c.value);
    expect(patched(c.value, c.patch)).toEqual(c.result);
    expect(JSON.stringify(c.value), 'the value that was given').toBe(before);
  });

  it('leaves what it does not touch the same object', () => {
    const value = { scan: { images: 10, range: { from: 0, to: 90 } }, sample: { name: 'Lys-01' } };
    const result = patched(value, { scan: { images: 20 } }) as typeof value;
    expect(result.scan.images).toBe(20);
    expect(result.sample).toBe(value.sample);
    expect(result.scan.range).toBe(value.scan.range);
  });

  it('takes a member for a member, whatever its name', () => {
    const result = patched({}, JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}'));
    expect(JSON.stringify(result)).toBe('{"__proto__":{"admin":true},"constructor":1}');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

it('a value that is equal to the one before is the one before', () => {
  const before = { a: [1] };
  expect(newer(before, { a: [1] })).toBe(before);
  expect(newer(before, { a: [2] })).toEqual({ a: [2] });
  expect(newer(undefined, before)).toBe(before);
  expect(newer<unknown>(before, null)).toBe(null);
});
