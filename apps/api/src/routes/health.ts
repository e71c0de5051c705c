/** The state of the service, for people, load balancers and orchestrators. */
import { healthRoute, livezRoute, readyzRoute } from '@prosemill/contract';
import { AppError, hintsLateNote, loadPhases, type WorkerReport, type WorkerState } from '@prosemill/core';
import type { ApiServices } from '../api-services.ts';
import type { AddRoute } from '../route-table.ts';

export function addHealthRoutes(addRoute: AddRoute, services: ApiServices): void {
  const { version } = services;

  addRoute(healthRoute, async (c) => {
    const { problems, model, workers, queue, isPaused, pause } = await services.state.current();
    return c.json(
      {
        status: problems.length === 0 ? ('healthy' as const) : ('degraded' as const),
        problems: [...problems],
        model,
        workers: workers.map((worker) => ({
          id: worker.id,
          state: worker.state,
          load_progress: worker.loadProgress,
          note: publicNote(worker),
          slots: worker.slots,
          busy: worker.busy,
        })),
        queue: {
          queued: queue?.queued ?? null,
          running: queue?.running ?? null,
          paused: isPaused,
          paused_at: pause?.pausedAt.toISOString() ?? null,
        },
        version,
      },
      200,
    );
  });

  addRoute(livezRoute, (c) => c.json({ status: 'ok' as const }, 200));

  addRoute(readyzRoute, async (c) => {
    if (services.isStopping()) throw new AppError('shutting_down', { message: 'This process is shutting down.' });
    await services.state.requireReady();
    return c.json({ status: 'ok' as const }, 200);
  });
}

/** The replacements for all other notes, by the state of the worker. */
const notes: Readonly<Record<WorkerState, string>> = {
  loading: 'Its engine is being restarted; its log says why.',
  ready: 'distilgpt2 is not available, so the small model that ships with the code runs instead; its log says why.',
  draining: 'Its log says more.',
  failed: 'It cannot run the model; its log says why.',
};

/** The notes that are shown as they are. */
const publicNotes: ReadonlySet<string> = new Set([hintsLateNote, ...Object.values(loadPhases)]);

/** Hides notes that may contain paths and addresses: the route is open to everybody. */
function publicNote({ state, note, loadProgress }: WorkerReport): string | null {
  if (note === null) return null;
  if (!publicNotes.has(note)) return notes[state];
  return loadProgress === null ? note : `${note}: ${Math.floor(100 * loadProgress)} %`;
}
