import type { KeyBody } from '@prosemill/contract';
import { expect, it } from 'vitest';
import { stateOf } from './key-state.ts';

const key: KeyBody = {
  id: 'a',
  object: 'api_key',
  owner: 'acme',
  name: 'website',
  prefix: 'pm_4fG7bc',
  scopes: ['read'],
  created_at: '2026-11-29T12:00:00.000Z',
  expires_at: '2026-11-29T13:00:00.000Z',
  revoked_at: null,
  last_used_at: null,
};
const end = Date.parse('2026-11-29T13:00:00.000Z');

it.each([
  ['before its end', key, end - 1, 'valid'],
  ['at its end', key, end, 'expired'],
  ['without an end', { ...key, expires_at: null }, end, 'valid'],
  ['after it was revoked', { ...key, revoked_at: '2026-11-29T12:30:00.000Z' }, end, 'revoked'],
])('is known %s', (_, each, nowMs, state) => {
  expect(stateOf(each, nowMs)).toBe(state);
});
