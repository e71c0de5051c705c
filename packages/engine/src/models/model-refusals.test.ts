import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { modelRefusals, refusalText, shown } from './model-refusals.ts';

it('docs/models.md lists exactly the refusals of the code', () => {
  const docs = readFileSync(new URL('../../../../docs/models.md', import.meta.url), 'utf8');
  const [, table = ''] = docs.split('## What is refused');
  const messages = [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, message]) => message);
  expect(new Set(messages)).toEqual(new Set(Object.values(modelRefusals)));
});

it('fills in the values that were found', () => {
  const values = { file: '/m/config.json', field: 'n_head', value: shown('$& {file}') };
  expect(refusalText('size', values)).toBe(
    '/m/config.json: n_head is "$& {file}", but a whole number above 0 is expected',
  );
});

it.each([
  [undefined, 'missing'],
  [null, 'null'],
  [Number.NaN, 'NaN'],
  ['x'.repeat(80), `"${'x'.repeat(59)}…`],
])('shows %o as %s', (value, text) => {
  expect(shown(value)).toBe(text);
});
