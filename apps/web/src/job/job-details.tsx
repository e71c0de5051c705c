/** The facts of a job: its model, tokens, seed and parameters, the jobs and the batch it belongs to, its metadata. */
import type { JobBody } from '@prosemill/contract';
import type { ComponentChildren } from 'preact';
import { formatCount, formatSpeed, formatTime } from '../format.ts';
import { hrefOf } from '../router.ts';

export function JobDetails({ job }: { readonly job: JobBody }) {
  const { model, usage, timings, parameters } = job;
  return (
    <dl class="job-details">
      {model === null ? null : (
        <>
          <Fact name="Model">{[model.name, model.dtype, model.engine].join(' · ')}</Fact>
          <Fact name="Fingerprint">
            <code>{model.fingerprint}</code>
          </Fact>
        </>
      )}
      {usage === null ? null : (
        <Fact name="Tokens">
          {formatCount(usage.prompt_tokens)} + {formatCount(usage.completion_tokens)} ={' '}
          {formatCount(usage.total_tokens)}
          {timings.tokens_per_second === null ? '' : ` · ${formatSpeed(timings.tokens_per_second)}`}
        </Fact>
      )}
      <Fact name="Seed">{job.seed}</Fact>
      <Fact name="Parameters">
        <Parameters parameters={parameters} />
      </Fact>
      {job.output === null ? null : <Fact name="Ended by">{endings[job.output.finish_reason]}</Fact>}
      <Fact name="Submitted">{formatTime(job.created_at)}</Fact>
      {job.expires_at === null ? null : <Fact name="Deleted by itself">{formatTime(job.expires_at)}</Fact>}
      {job.attempt > 1 ? (
        <Fact name="Attempt">
          {job.attempt} of {job.max_attempts}
        </Fact>
      ) : null}
      <Relatives job={job} />
    </dl>
  );
}

/** Names of the reader's own, which may be those of facts: a list of its own. */
export function JobMetadata({ metadata }: Pick<JobBody, 'metadata'>) {
  const pairs = Object.entries(metadata);
  if (pairs.length === 0) return null;
  return (
    <>
      <h3 id="metadata-title">Metadata</h3>
      <dl class="job-details" aria-labelledby="metadata-title">
        {pairs.map(([name, value]) => (
          <Fact key={name} name={name}>
            {/* A search ends the key at its first colon. */}
            {name.includes(':') ? value : <a href={hrefOf(['jobs'], { metadata: `${name}:${value}` })}>{value}</a>}
          </Fact>
        ))}
      </dl>
    </>
  );
}

type FinishReason = NonNullable<JobBody['output']>['finish_reason'];
const endings: Readonly<Record<FinishReason, string>> = {
  stop: 'the end of the text, or a stop string',
  length: 'the most new tokens',
  canceled: 'a cancel',
  timeout: 'its deadline',
};

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt class="small muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Parameters({ parameters }: Pick<JobBody, 'parameters'>) {
  const known = Object.entries(parameters).filter(([, value]) => value !== null && !isEmptyList(value));
  return (
    <>{known.map(([name, value]) => `${name} ${Array.isArray(value) ? JSON.stringify(value) : value}`).join(', ')}</>
  );
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** The batch of this job, the jobs that it repeats or verifies, and those that repeat it. */
function Relatives({ job: { id, retry_of, verify_of, batch_id, custom_id } }: { readonly job: JobBody }) {
  return (
    <>
      {batch_id === null ? null : (
        <>
          <Fact name="Batch">
            <a href={hrefOf(['batches', batch_id])}>{batch_id}</a>
          </Fact>
          <Fact name="Name in the batch">{custom_id}</Fact>
        </>
      )}
      {retry_of === null ? null : (
        <Fact name="Repeats">
          <a href={hrefOf(['jobs', retry_of])}>{retry_of}</a>
        </Fact>
      )}
      {verify_of === null ? null : (
        <Fact name="Verifies">
          <a href={hrefOf(['jobs', verify_of])}>{verify_of}</a>
        </Fact>
      )}
      <Fact name="Repetitions">
        <a href={hrefOf(['jobs'], { retry_of: id })}>Show them</a>
      </Fact>
    </>
  );
}
