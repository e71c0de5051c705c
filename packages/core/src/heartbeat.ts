/** How often a worker reports to the database, and after how long a silence it counts as gone. */
export const heartbeatMs = 5_000;
export const workerGoneMs = 3 * heartbeatMs;
