/** I9: the text of a stream is the text of its job, and no event breaks a promise of the stream. */
import type { IndexedHistory } from '../index-history.ts';

export const checkStreams = ({ streams, jobs }: IndexedHistory): readonly string[] =>
  streams.flatMap((entry) => {
    if (entry.type === 'stream-breach') return [`a stream of job ${entry.jobId ?? 'unknown'}: ${entry.reason}`];
    const { jobId, textHash, isEmpty } = entry;
    const facts = jobs.get(jobId);
    if (facts === undefined) return [`job ${jobId} was streamed and is not in the database`];
    const kept = facts.recordHashes[0] ?? facts.row.partialTextHash;
    const isSame = kept === null ? isEmpty : textHash === kept;
    return isSame ? [] : [`job ${jobId} was streamed as ${textHash}, but ${kept ?? 'no text'} is kept`];
  });
