/** How often a thread looks before it sleeps: some 20 µs. Without sleep, another process on the cores starves all. */
const spins: i32 = 20_000;

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
