/** Records the duration and kind of each run of the engine's sessions. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from '@prosemill/engine/internals';
import type { ProfileEvent } from './node-groups.ts';

export interface Run {
  /** `decode`: one token of each text. `prompts`: parts of prompts as well. */
  readonly kind: 'decode' | 'prompts';
  /** The start on the clock of `performance.now()`. */
  readonly begin: number;
  readonly end: number;
}

export interface Recording {
  readonly runs: Run[];
  /** Ends onnxruntime's profile. @returns its events; none without `profileFolder` */
  finish(): Promise<readonly ProfileEvent[]>;
}

type CreateSession = (graph: string, options: InferenceSession.SessionOptions) => Promise<InferenceSession>;

/**
 * Records all sessions that are created while `load` runs.
 * @param profileFolder  The folder in which onnxruntime writes its profile of the nodes; null: no profile.
 */
export async function recordSessions<Loaded>(
  profileFolder: string | null,
  load: () => Promise<Loaded>,
): Promise<{ readonly loaded: Loaded; readonly recording: Recording }> {
  const runs: Run[] = [];
  let session: InferenceSession | null = null;
  const prefix = profileFolder === null ? '' : join(profileFolder, 'profile');
  const profiling = profileFolder === null ? {} : { enableProfiling: true, profileFilePrefix: prefix };
  const factory = InferenceSession as unknown as { create: CreateSession };
  const { create } = factory;
  factory.create = async (graph, options) => {
    session = await create.call(InferenceSession, graph, { ...options, ...profiling });
    recordRuns(session, runs);
    return session;
  };
  try {
    return { loaded: await load(), recording: { runs, finish } };
  } finally {
    factory.create = create;
  }

  async function finish(): Promise<readonly ProfileEvent[]> {
    session?.endProfiling();
    await session?.release();
    return profileFolder === null ? [] : await readProfile(profileFolder);
  }
}

function recordRuns(session: InferenceSession, runs: Run[]): void {
  const run = session.run.bind(session) as (...args: unknown[]) => Promise<InferenceSession.OnnxValueMapType>;
  session.run = async (...args: unknown[]) => {
    const begin = performance.now();
    const results = await run(...args);
    const feeds = args[0] as InferenceSession.FeedsType;
    // Only a decode step wants the next token of every position.
    const isDecode = feeds['ids']?.dims[0] === feeds['wanted']?.dims[0];
    runs.push({ kind: isDecode ? 'decode' : 'prompts', begin, end: performance.now() });
    return results;
  };
}

/** Reads and deletes the profile. onnxruntime adds the time to the file's name. */
async function readProfile(folder: string): Promise<readonly ProfileEvent[]> {
  const { globSync } = await import('node:fs');
  const [name = ''] = globSync('profile*.json', { cwd: folder });
  const events = JSON.parse(await readFile(join(folder, name), 'utf8')) as readonly ProfileEvent[];
  await rm(join(folder, name));
  return events;
}
