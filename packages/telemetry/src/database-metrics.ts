/** Metrics of the connections to the database. Every process adds them once. */
import type { Store } from '@prosemill/core';
import type { Metrics } from './metrics.ts';

/** An SQLite file has no connections: it gets no series of connections, and 0 waiting statements. */
export function addDatabaseMetrics(metrics: Metrics, store: Pick<Store, 'connections'>): void {
  metrics.gauges(
    {
      name: 'prosemill_database_connections',
      help: 'Connections of this process to Postgres, by state.',
      labels: ['state'],
    },
    () => {
      const connections = store.connections();
      if (connections === null) return [];
      return [
        { labels: { state: 'in_use' }, value: connections.inUse },
        { labels: { state: 'idle' }, value: connections.idle },
      ];
    },
  );
  metrics.gauge(
    {
      name: 'prosemill_database_waiting',
      help: 'Statements and transactions of this process that wait for a connection to Postgres.',
    },
    () => store.connections()?.waiting ?? 0,
  );
}
