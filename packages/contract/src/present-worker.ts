/** A worker as clients see it. */
import { z } from '@hono/zod-openapi';
import { hintsLateNote, loadPhases, type WorkerReport, type WorkerState, workerStates } from '@prosemill/core';

/** The part that everybody may see. */
export const workerSchema = z.strictObject({
  id: z.string(),
  state: z.enum(workerStates),
  load_progress: z.number().min(0).max(1).nullable(),
  note: z.string().nullable(),
  slots: z.int(),
  busy: z.int(),
});

export const presentWorker = (worker: WorkerReport): z.infer<typeof workerSchema> => ({
  id: worker.id,
  state: worker.state,
  load_progress: worker.loadProgress,
  note: publicNote(worker),
  slots: worker.slots,
  busy: worker.busy,
});

/** The replacements for all other notes, by the state of the worker. */
const notes: Readonly<Record<WorkerState, string>> = {
  loading: 'Its engine is being restarted; its log says why.',
  ready: 'distilgpt2 is not available, so the small model that ships with the code runs instead; its log says why.',
  draining: 'Its log says more.',
  failed: 'It cannot run the model; its log says why.',
};

/** The notes that are shown as they are. */
const publicNotes: ReadonlySet<string> = new Set([hintsLateNote, ...Object.values(loadPhases)]);

/** Hides notes that may contain paths and addresses. */
function publicNote({ state, note, loadProgress }: WorkerReport): string | null {
  if (note === null) return null;
  if (!publicNotes.has(note)) return notes[state];
  return loadProgress === null ? note : `${note}: ${Math.floor(100 * loadProgress)} %`;
}
