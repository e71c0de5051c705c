/**
 * How often a thread looks before it sleeps: some 0.2 ms. Waking up takes a part of that; if threads slept sooner, each
 * would wake up late for the other at every barrier. Without sleep, another process on the cores would starve all.
 */
const spins: i32 = 200_000;

/** state: arrived threads, finished rounds, sleeping threads. */
export function barrier(state: usize, threads: i32): void {
  const round = atomic.load<i32>(state + 4);
  if (atomic.add<i32>(state, 1) + 1 === threads) {
    atomic.store<i32>(state, 0);
    atomic.add<i32>(state + 4, 1);
    if (atomic.load<i32>(state + 8) !== 0) atomic.notify(state + 4, threads);
    return;
  }
  for (let i = 0; i < spins; i++) if (atomic.load<i32>(state + 4) !== round) return;
  atomic.add<i32>(state + 8, 1);
  while (atomic.load<i32>(state + 4) === round) atomic.wait<i32>(state + 4, round, -1);
  atomic.sub<i32>(state + 8, 1);
}
