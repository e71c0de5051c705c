/** Which row a claim takes: three in the claim order, then the oldest of any class, so that nothing starves. */
import type { ClaimPick } from '@prosemill/core';

const oldestEvery = 4;

export function createClaimPicker(): () => ClaimPick {
  let claims = 0;
  return function pickNext() {
    claims = (claims + 1) % oldestEvery;
    return claims === 0 ? 'oldest' : 'next';
  };
}
