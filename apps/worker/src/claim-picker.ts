/** From which class a claim takes: mostly the first in order; one claim in three leaves out who waits, so that no class starves. */
import type { PriorityClass } from '@prosemill/core';

/** The last of them is for the last class: a backlog of the second would stand before it otherwise. */
const turns: readonly PriorityClass[] = [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2];

export function createClaimPicker(): () => PriorityClass {
  let claims = 0;
  return function pickClass() {
    const fromClass = turns[claims % turns.length] ?? 0;
    claims += 1;
    return fromClass;
  };
}
