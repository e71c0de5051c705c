/** Interval of a worker's reports to the database, and the silence after which it counts as gone. */
export const heartbeatMs = 5_000;
export const workerGoneMs = 3 * heartbeatMs;

/** Interval of the reports while somebody looks at the workers, and the time for which one look counts. */
export const watchedHeartbeatMs = 1_000;
export const lookMs = 5_000;
