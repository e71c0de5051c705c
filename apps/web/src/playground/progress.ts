/** The progress of a sample in words. */
import type { JobBody } from '@prosemill/contract';
import { describeEstimates, estimateError } from '../estimates.ts';
import { formatCount, formatMs, formatPlace, formatPlural, formatSpeed, formatWait, isAhead } from '../format.ts';
import { nowMs } from '../now.ts';
import { index } from '../service-state.ts';
import type { Sample, Stage } from './sample.ts';

export const stageWords: Record<Stage, string> = {
  sending: 'Sending',
  refused: 'Refused',
  stopping: 'Stopping…',
  queued: 'Queued',
  running: 'Writing',
  succeeded: 'Done',
  failed: 'Failed',
  canceled: 'Canceled',
  expired: 'Expired',
};

/** The status whose colour and icon a stage has. */
export const statusOf = (stage: Stage): JobBody['status'] => {
  if (stage === 'sending') return 'queued';
  if (stage === 'refused') return 'failed';
  return stage === 'stopping' ? 'running' : stage;
};

/** `31 of 48`, or `31 tokens` for a job whose limit depends on its prompt. */
export function describeTokens(tokens: number, job: JobBody | null): string {
  const limit = job?.parameters.max_new_tokens ?? null;
  return limit === null || job?.finished_at !== null
    ? formatPlural(tokens, 'token')
    : `${formatCount(tokens)} of ${formatCount(limit)} tokens`;
}

export function describeProgress(sample: Sample): string {
  const job = sample.job.value;
  const tokens = sample.tokens.value;
  if (job === null) return '';
  if (job.status === 'queued') {
    const { queue } = job;
    if (queue === null) return '';
    return [formatPlace(queue.position), describeWait(queue.estimated_start_at)].filter(Boolean).join(' · ');
  }
  const isOver = job.finished_at !== null;
  const speed = isOver ? job.timings.tokens_per_second : sample.speed.value;
  return [
    ...(tokens > 0 || isOver ? [describeTokens(tokens, job)] : []),
    ...(isOver && job.timings.total_ms !== null ? [formatMs(job.timings.total_ms)] : []),
    ...(speed === null ? [] : [formatSpeed(speed)]),
    ...(job.parameters.temperature === defaultTemperature() ? [] : [`temperature ${job.parameters.temperature}`]),
    `seed ${job.seed}`,
  ].join(' · ');
}

const defaultTemperature = (): number => index.value?.defaults.temperature ?? 1;

/** `in about 12 s, usually right within 20 %` */
export function describeWait(time: string | null): string {
  const wait = formatWait(time, nowMs.value);
  const error = isAhead(time, nowMs.value) ? describeEstimates(estimateError.value) : '';
  return error === '' ? wait : `${wait}, ${error}`;
}

/** The state of all samples in a sentence, for a screen reader. */
export function announce(samples: readonly Sample[]): string {
  const stages = samples.map((sample) => sample.stage.value);
  const [only] = samples;
  if (only === undefined) return '';
  const open = samples.filter((sample) => !sample.isOver.value).length;
  if (open > 0) return stages.length === 1 ? stageWords[only.stage.value] : `Writing ${formatPlural(open, 'text')}`;
  if (samples.length > 1) return `All ${samples.length} texts have ended`;
  return `${stageWords[only.stage.value]}, ${describeTokens(only.tokens.value, only.job.value)}`;
}

/** For the title of the tab: `31/48`; empty when nothing is written. */
export function describeForTitle(samples: readonly Sample[]): string {
  const writing = samples.filter((sample) => sample.stage.value === 'running');
  if (writing.length === 0) return '';
  const tokens = writing.reduce((sum, sample) => sum + sample.tokens.value, 0);
  const limits = writing.map((sample) => sample.job.value?.parameters.max_new_tokens ?? null);
  if (limits.includes(null)) return `${tokens} tokens`;
  return `${tokens}/${limits.reduce<number>((sum, limit) => sum + (limit ?? 0), 0)}`;
}
