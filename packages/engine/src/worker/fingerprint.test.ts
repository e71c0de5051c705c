import { describe, expect, it } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';

const model = { engine: 'batched', dtype: 'int8', checksum: 'c' } as const;

describe('the fingerprint', () => {
  it('is the same on every machine for batched in int8', () => {
    expect(fingerprintOf(model, '6 on onnxruntime 1')).toBe('048160fb4ad2ee23');
  });

  it('changes with everything that a text depends on', () => {
    const all = [
      fingerprintOf(model, '6'),
      fingerprintOf(model, '7'),
      fingerprintOf({ ...model, checksum: 'd' }, '6'),
      fingerprintOf({ ...model, dtype: 'fp32' }, '6'),
      fingerprintOf({ ...model, engine: 'transformers' }, '6'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});
