/** The life of a job, from its log: the stretches in which it waited or ran, and the moments between them. */
import type { JobEventLog } from '@prosemill/contract';

export type JobEvent = JobEventLog['data'][number];
type JobEventType = JobEvent['type'];

/** `fault`: the service failed; `end`: the job ended with its text. */
type Tone = 'plain' | 'fault' | 'end';

export interface Moment {
  readonly seq: number;
  readonly at: string;
  readonly tone: Tone;
  readonly name: string;
  readonly sentence: string;
}

export interface Stretch {
  readonly kind: 'waiting' | 'running';
  /** The seq of the event that it begins with. */
  readonly seq: number;
  /** 0 while the job waits for its first attempt. */
  readonly attempt: number;
  /** Null: it has not ended. */
  readonly lengthMs: number | null;
  /** Its share of the bar, in the unit of all stretches. */
  readonly width: number;
  /** Drawn shorter than it was. */
  readonly isFolded: boolean;
  /** It ended with a fault of the service. */
  readonly isFault: boolean;
}

export interface Life {
  readonly moments: readonly Moment[];
  readonly stretches: readonly Stretch[];
}

/** Waits longer than this many medians are folded: a job may wait for days, and then run for a second. */
const foldedFrom = 10;
/** The width of a folded wait, in medians. */
const foldedWidth = 2;

interface EventText {
  readonly tone: Tone;
  readonly name: string;
  readonly sentence: string;
  /** The state of the job after the event; null: as before. */
  readonly next: 'waiting' | 'running' | 'ended' | null;
}

const texts: Readonly<Record<JobEventType, EventText>> = {
  'job-queued': { tone: 'plain', name: 'queued', sentence: 'Stored, and waiting for a worker.', next: 'waiting' },
  'job-claimed': { tone: 'plain', name: 'started', sentence: 'A worker began it.', next: 'running' },
  'job-succeeded': { tone: 'end', name: 'succeeded', sentence: 'The text is complete.', next: 'ended' },
  'job-retried': {
    tone: 'fault',
    name: 'run again',
    sentence: 'The engine failed in a way that may pass, so the job runs again.',
    next: 'waiting',
  },
  'job-released': {
    tone: 'plain',
    name: 'handed back',
    sentence: 'Its worker stopped and handed it back, so it runs again.',
    next: 'waiting',
  },
  'job-rescued': {
    tone: 'fault',
    name: 'rescued',
    sentence: 'Its worker was lost, so the job runs again.',
    next: 'waiting',
  },
  'job-crashed': {
    tone: 'fault',
    name: 'crashed',
    sentence: 'Its engine died, so the job runs again, alone.',
    next: 'waiting',
  },
  'job-cancel-requested': {
    tone: 'plain',
    name: 'cancel asked for',
    sentence: 'A client asked to stop it.',
    next: null,
  },
  'job-canceled': {
    tone: 'plain',
    name: 'canceled',
    sentence: 'It was stopped. Its text so far is kept.',
    next: 'ended',
  },
  'job-failed': { tone: 'fault', name: 'failed', sentence: 'It ended with an error.', next: 'ended' },
  'job-expired': { tone: 'fault', name: 'expired', sentence: 'Its time passed before it could start.', next: 'ended' },
};

export function describeLife(events: readonly JobEvent[]): Life {
  const moments = events.map(({ seq, type, at, data }) => {
    const { tone, name, sentence } = texts[type];
    return { seq, at, tone, name: type === 'job-claimed' ? `attempt ${data.attempt}` : name, sentence };
  });
  const turns = events.filter(({ type }) => texts[type].next !== null);
  const measured = turns.flatMap((event, index) => {
    const kind = texts[event.type].next;
    if (kind === null || kind === 'ended') return [];
    const after = turns[index + 1];
    const lengthMs = after === undefined ? null : Math.max(0, Date.parse(after.at) - Date.parse(event.at));
    const isFault = kind === 'running' && after !== undefined && texts[after.type].tone === 'fault';
    return [{ kind, seq: event.seq, attempt: event.data.attempt, lengthMs, isFault }];
  });
  const median = lowerMedian(measured.flatMap(({ lengthMs }) => lengthMs ?? []));
  const stretches = measured.map(({ kind, seq, attempt, lengthMs, isFault }): Stretch => {
    const isFolded = kind === 'waiting' && (lengthMs ?? 0) > foldedFrom * median;
    const width = isFolded ? foldedWidth * median : (lengthMs ?? median);
    return { kind, seq, attempt, lengthMs, width, isFolded, isFault };
  });
  return { moments, stretches };
}

/** The lower one of two: of a long wait and a short run it is the run. At least 1, so that widths are positive. */
function lowerMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.max(1, sorted[Math.floor((sorted.length - 1) / 2)] ?? 1);
}
