/** Interval of a worker's reports to the database, and the silence after which it counts as gone. */
export const heartbeatMs = 5_000;
export const workerGoneMs = 3 * heartbeatMs;
