/** Makes the sessions that the engine creates tell how long each run takes, and what it is. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from '@prosemill/engine/gpt2';
import type { ProfileEvent } from './node-groups.ts';

export interface Run {
  /** One token of each text, or parts of prompts as well. */
  readonly kind: 'decode' | 'prompts';
  /** By `performance.now()`. */
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
 * Lasts for all sessions that are created while `load` runs.
 * @param profileFolder  Where onnxruntime writes its profile of the nodes; null: none is made.
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
    // In a decode step the next token of each position is wanted.
    const isDecode = feeds['ids']?.dims[0] === feeds['wanted']?.dims[0];
    runs.push({ kind: isDecode ? 'decode' : 'prompts', begin, end: performance.now() });
    return results;
  };
}

/** onnxruntime adds the time to the file's name. */
async function readProfile(folder: string): Promise<readonly ProfileEvent[]> {
  const { globSync } = await import('node:fs');
  const [name = ''] = globSync('profile*.json', { cwd: folder });
  const events = JSON.parse(await readFile(join(folder, name), 'utf8')) as readonly ProfileEvent[];
  await rm(join(folder, name));
  return events;
}
