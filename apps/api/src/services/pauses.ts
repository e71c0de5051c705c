/** Pauses of readers that know all there is, until there may be more. */

export type Pauses = Set<PromiseWithResolvers<void>>;

export function wakeAll(pauses: Pauses): void {
  for (const pause of pauses) pause.resolve();
}

/** Resolves when the pauses are woken, or on an abort. Rejects when one of them is rejected. */
export async function untilWoken(pauses: Pauses, signal: AbortSignal): Promise<void> {
  const pause = Promise.withResolvers<void>();
  const end = (): void => pause.resolve();
  pauses.add(pause);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    await pause.promise;
  } finally {
    pauses.delete(pause);
    signal.removeEventListener('abort', end);
  }
}
