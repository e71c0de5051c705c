/** Several async iterations as one. */

interface Arrival<Value> {
  readonly index: number;
  readonly result: IteratorResult<Value, void>;
}

/**
 * Yields the values of all iterations as they come, with the index of their source. Each source is asked for one value
 * at a time, and for the next only after the reader has asked for more. Ends when all sources have ended. When the
 * reader leaves or a source fails, the other sources are ended too; one that waits for its next value goes on to wait
 * until the caller aborts it.
 * @throws the first error of a source
 */
export async function* merged<Value>(
  sources: readonly AsyncIterator<Value, void>[],
): AsyncGenerator<readonly [index: number, value: Value], void> {
  const arrived: (Arrival<Value> | { readonly error: unknown })[] = [];
  let pause = Promise.withResolvers<void>();
  const arrive = (arrival: (typeof arrived)[number]): void => {
    arrived.push(arrival);
    pause.resolve();
  };
  const ask = (index: number): void => {
    sources[index]?.next().then(
      (result) => arrive({ index, result }),
      (error: unknown) => arrive({ error }),
    );
  };
  for (const index of sources.keys()) ask(index);
  try {
    for (let open = sources.length; open > 0;) {
      const arrival = arrived.shift();
      if (arrival === undefined) {
        await pause.promise;
        pause = Promise.withResolvers();
        continue;
      }
      if ('error' in arrival) throw arrival.error;
      const { index, result } = arrival;
      if (result.done === true) {
        open -= 1;
        continue;
      }
      yield [index, result.value];
      ask(index);
    }
  } finally {
    // Not awaited: a source that waits for its next value obeys only afterwards.
    for (const source of sources) source.return?.().catch(() => undefined);
  }
}
