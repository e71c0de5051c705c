/**
 * I3: reads of one id walk the state graph forward, and see at most one terminal result. So do the events of the job.
 */
import { isTerminal, type JobEventType, type JobStatus } from '@prosemill/core';
import type { EventSnapshot } from '../history.ts';
import { type Call, type IndexedHistory, type JobFacts, type Reading, statusAfter } from '../index-history.ts';

/** The arrows of the state graph. */
const leavesFrom: Readonly<Record<JobEventType, JobStatus | null>> = {
  'job-queued': null,
  'job-claimed': 'queued',
  'job-succeeded': 'running',
  'job-retried': 'running',
  'job-released': 'running',
  'job-rescued': 'running',
  'job-crashed': 'running',
  'job-cancel-requested': 'running',
  'job-canceled': 'running',
  'job-failed': 'running',
  'job-expired': 'queued',
};

export function checkReads(history: IndexedHistory): readonly string[] {
  const { jobs, readings } = history;
  return [
    ...[...jobs.values()].flatMap(checkEvents),
    ...[...readings].flatMap(([id, list]) =>
      checkOrder(id, list).concat(checkResults(id, list), checkAgainstRow(list, jobs.get(id))),
    ),
    ...history.calls.flatMap((call) => checkAbsence(call, history)),
  ];
}

/** A job that its owner has seen is visible to every later call. */
function checkAbsence({ id, operation, invokedAtMs, ending }: Call, history: IndexedHistory): readonly string[] {
  if (!('jobId' in operation) || ending.type !== 'ok' || ending.job !== null) return [];
  const { jobId, ownerId } = operation;
  const earlier = history.readings
    .get(jobId)
    ?.find(({ call }) => call.operation.ownerId === ownerId && call.endedAtMs < invokedAtMs);
  return earlier === undefined ? [] : [`job ${jobId} was there for call ${earlier.call.id} and gone for call ${id}`];
}

interface Place {
  readonly status: JobStatus | null;
  readonly attempt: number;
}

const placeAfter = (before: Place, { event }: EventSnapshot): Place => ({
  status: statusAfter[event] ?? before.status,
  attempt: before.attempt + (event === 'job-claimed' ? 1 : 0),
});

/** The state of the job after each of its events. */
function placesOf(events: readonly EventSnapshot[]): ReadonlyMap<number, Place> {
  let place: Place = { status: null, attempt: 0 };
  return new Map(events.map((event) => [event.seq, (place = placeAfter(place, event))]));
}

function checkEvents({ row, events }: JobFacts): readonly string[] {
  const found: string[] = [];
  let place: Place = { status: null, attempt: 0 };
  for (const [index, event] of events.entries()) {
    const { seq, event: type } = event;
    const from = place.status ?? 'nothing';
    if (seq !== index + 1) found.push(`job ${row.id} has event ${seq} (${type}) where ${index + 1} was expected`);
    if (!mayFollow(type, place.status)) found.push(`job ${row.id} went from ${from} by ${type} (event ${seq})`);
    place = placeAfter(place, event);
    if (event.attempt !== place.attempt) {
      found.push(`job ${row.id} has ${type} (event ${seq}) of attempt ${event.attempt} in attempt ${place.attempt}`);
    }
  }
  if (place.status !== row.status || events.length !== row.version) {
    const { status, version } = row;
    found.push(`job ${row.id} is ${status} in version ${version}, but ${place.status} after ${events.length} events`);
  }
  return found;
}

const mayFollow = (event: JobEventType, status: JobStatus | null): boolean =>
  status === leavesFrom[event] || (event === 'job-canceled' && status === 'queued');

/** A read that begins after another has ended sees no older version. */
function checkOrder(id: string, readings: readonly Reading[]): readonly string[] {
  const known = readings.filter((reading): reading is Reading & { version: number } => reading.version !== null);
  const byEnd = known.toSorted((a, b) => a.call.endedAtMs - b.call.endedAtMs);
  let newest: (typeof known)[number] | null = null;
  let ended = 0;
  return known
    .toSorted((a, b) => a.call.invokedAtMs - b.call.invokedAtMs)
    .flatMap((reading) => {
      for (
        let next = byEnd[ended];
        next !== undefined && next.call.endedAtMs < reading.call.invokedAtMs;
        next = byEnd[ended]
      ) {
        if (newest === null || next.version > newest.version) newest = next;
        ended += 1;
      }
      return newest === null || reading.version >= newest.version
        ? []
        : [`job ${id} went back: ${describe(newest)}, then ${describe(reading)}`];
    });
}

const describe = ({ call, job, version }: Reading): string => `${job.status} in version ${version} (call ${call.id})`;

function checkResults(id: string, readings: readonly Reading[]): readonly string[] {
  const results = new Set(
    readings
      .filter(({ job }) => isTerminal(job.status))
      .map(({ job, version }) => `${job.status} in version ${version}, text ${job.textHash}`),
  );
  return results.size > 1 ? [`job ${id} had ${results.size} results: ${[...results].join('; ')}`] : [];
}

/** Each read agrees with the event of its version, and with the stored text. */
function checkAgainstRow(readings: readonly Reading[], facts: JobFacts | undefined): readonly string[] {
  if (facts === undefined) return [];
  const places = placesOf(facts.events);
  const kept = facts.recordHashes[0] ?? facts.row.partialTextHash;
  return readings.flatMap(({ job, call, version }) => {
    const found: string[] = [];
    const place = version === null ? undefined : places.get(version);
    if (version !== null && place === undefined) {
      found.push(`job ${job.id} was read in version ${version} (call ${call.id}), which never was`);
    }
    if (place !== undefined && (place.status !== job.status || place.attempt !== (job.attempt ?? place.attempt))) {
      const seen = `${job.status}, attempt ${job.attempt}`;
      const was = `${place.status}, attempt ${place.attempt}`;
      found.push(`job ${job.id} was read as ${seen} (call ${call.id}) in version ${version}, when it was ${was}`);
    }
    if (isTerminal(job.status) && job.textHash !== null && job.textHash !== kept) {
      found.push(`job ${job.id} was read with text ${job.textHash} (call ${call.id}), but ${kept} is kept`);
    }
    return found;
  });
}
