import { describe, expect, it } from 'vitest';
import { childOf, formatTraceparent, parseTraceparent } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

describe('traceparent', () => {
  it.each([
    ['of version 00', `00-${traceId}-${spanId}-01`, true],
    ['that is not sampled', `00-${traceId}-${spanId}-00`, false],
    ['with flags of a later version', `00-${traceId}-${spanId}-ff`, true],
    ['of a later version', `cc-${traceId}-${spanId}-01`, true],
    ['of a later version with more to say', `cc-${traceId}-${spanId}-00-what-the-future-will-be-like`, false],
  ])('%s is read', (_name, header, isSampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId, spanId, isSampled });
  });

  it.each([
    undefined,
    null,
    '',
    'nonsense',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}-0g`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-${spanId}-01`,
    `cc-${traceId}-${spanId}-01.more`,
    ` 00-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01\n`,
  ])('%j is ignored', (header) => {
    expect(parseTraceparent(header)).toBeNull();
  });

  it('is written as it is read', () => {
    for (const flags of ['00', '01']) {
      const header = `00-${traceId}-${spanId}-${flags}`;
      const read = parseTraceparent(header);
      expect(read && formatTraceparent(read)).toBe(header);
    }
  });
});

describe('a child', () => {
  it('is another span of the same trace, sampled like its parent', () => {
    const parent = { traceId, spanId, isSampled: false };
    const child = childOf(parent);
    expect(child).toEqual({ traceId, spanId: expect.stringMatching(/^[0-9a-f]{16}$/), isSampled: false });
    expect(child.spanId).not.toBe(spanId);
  });

  it('without a parent begins a sampled trace', () => {
    const [first, second] = [childOf(null), childOf(null)];
    expect(first.isSampled).toBe(true);
    expect(parseTraceparent(formatTraceparent(first))).toEqual(first);
    expect(first.traceId).not.toBe(second.traceId);
  });
});
