/** @module The database of the service: the only authority over jobs. */
export { readDatabaseUrl, requireServer } from './database-url.ts';
export { openStore } from './open-store.ts';
