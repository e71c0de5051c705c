import { describe, expect, it, vi } from 'vitest';
import { dropDraft, forgetDrafts, keepDraft, readDraft } from './drafts.ts';
import { forgetKeys, keepKey, keyFor } from './session.ts';

const refuse = (): never => {
  throw new Error('Access is denied for this document.');
};

/** The ways in which browsers block storage. */
const blocks: readonly (readonly [name: string, block: (name: string) => void])[] = [
  [
    'throw at each access',
    (name) => {
      vi.stubGlobal(name, undefined);
      Object.defineProperty(globalThis, name, { configurable: true, get: refuse });
    },
  ],
  ['are null', (name) => vi.stubGlobal(name, null)],
];

describe.each(blocks)('where the storages of the browser %s', (_name, block) => {
  it('drafts and keys last as long as the page', () => {
    block('sessionStorage');
    block('localStorage');
    keepDraft('one', { prompt: 'a' });
    keepDraft('two', { prompt: 'b' });
    expect(readDraft('one')).toEqual({ prompt: 'a' });
    dropDraft('one');
    expect(readDraft('one')).toBeNull();
    keepKey('pm_key', ['texts'], 'device');
    expect(keyFor('texts')).toBe('pm_key');
    forgetDrafts();
    forgetKeys();
    expect([readDraft('two'), keyFor('texts')]).toEqual([null, null]);
  });
});
