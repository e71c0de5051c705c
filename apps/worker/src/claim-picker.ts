/** Picks the class at which a claim starts. One claim in three skips class 0, so that no class starves. */
import type { PriorityClass } from '@prosemill/core';

/** The last turn is for class 2, which would otherwise wait behind any backlog of class 1. */
const turns: readonly PriorityClass[] = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2];

export function createClaimPicker(): () => PriorityClass {
  let claims = 0;
  return function pickClass() {
    const fromClass = turns[claims % turns.length] ?? 0;
    claims += 1;
    return fromClass;
  };
}
