/** The status and the name of a job, and the actions that fit its state. */
import type { RetryRequest } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import { useSignal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { copy } from '../copy.ts';
import { isOpen } from '../jobs/is-open.ts';
import { forgetInList, listHref } from '../jobs/opened-list.ts';
import { CopyMenu } from '../parts/copy-menu.tsx';
import { Menu } from '../parts/menu.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { StatusLabel } from '../parts/status-label.tsx';
import { TwoStepButton } from '../parts/two-step-button.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { ownSnippets } from '../playground/own-snippets.ts';
import type { Sample } from '../playground/sample.ts';
import { repeatOf, requestHref } from '../playground/shared-request.ts';
import { deleteJob, retryJob } from '../requests.ts';
import { go } from '../router.ts';
import { useShortcuts } from '../shortcuts.ts';
import { toast } from '../toast.ts';
import type { JobProps } from './job-props.ts';
import { openJob } from './open-job.ts';

export function JobHead({ id, sample }: JobProps) {
  const job = sample.job.value;
  const name = id.slice(0, 8);
  return (
    <div class="job-head">
      <a href={listHref()}>← Jobs</a>
      <ViewHeading title={`Job ${name}`}>
        {job === null ? 'Job' : <StatusLabel status={job.status} />} <span class="mono">{name}…</span>
      </ViewHeading>
      {job === null ? null : <Actions job={job} sample={sample} />}
    </div>
  );
}

interface ActionsProps {
  readonly job: JobBody;
  readonly sample: Sample;
}

function Actions({ job, sample }: ActionsProps) {
  const problem = useSignal<PageProblem | null>(null);
  const repeat = async (changes: RetryRequest): Promise<void> => {
    const answer = await retryJob(job.id, changes);
    problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) openJob(answer.body.id);
  };
  const remove = async (): Promise<void> => {
    const answer = await deleteJob(job.id);
    problem.value = answer.ok ? null : answer.problem;
    if (!answer.ok) return;
    forgetInList(job.id);
    toast('Deleted.');
    go(listHref());
  };
  const text = job.output?.generated_text;
  useShortcuts({
    c: () => void sample.stop(),
    r: () => void (sample.isOver.value && repeat({})),
    y: () => void (text !== undefined && copy(text, 'Text')),
  });
  return (
    <>
      <div class="bar">
        {isOpen(job) ? <StopButton sample={sample} /> : <AgainMenu job={job} repeat={repeat} />}
        {text === undefined ? null : (
          <button type="button" onClick={() => void copy(text, 'Text')}>
            Copy
          </button>
        )}
        <CopyJobMenu job={job} />
        {isOpen(job) ? null : (
          <TwoStepButton
            name="Delete…"
            question="Delete this job and its text for good?"
            action="Delete"
            act={remove}
          />
        )}
      </div>
      {problem.value === null ? null : <ProblemBox problem={problem.value} />}
    </>
  );
}

function StopButton({ sample }: { readonly sample: Sample }) {
  const names = { queued: 'Cancel', running: 'Stop', stopping: 'Stopping…' } as const;
  const stage = sample.stage.value;
  return stage in names ? (
    <button type="button" aria-disabled={stage === 'stopping'} onClick={() => void sample.stop()}>
      {names[stage as keyof typeof names]}
    </button>
  ) : null;
}

interface AgainMenuProps {
  readonly job: JobBody;
  readonly repeat: (changes: RetryRequest) => Promise<void>;
}

function AgainMenu({ job, repeat }: AgainMenuProps) {
  const items = [
    { name: 'Same seed', act: () => void repeat({ seed: 'same' }) },
    { name: 'Another seed', act: () => void repeat({ seed: 'new' }) },
    { name: 'Change first', act: () => go(requestHref(repeatOf(job), null)) },
  ];
  return <Menu label="Again" items={items} />;
}

function CopyJobMenu({ job }: { readonly job: JobBody }) {
  const items = [
    { name: 'Id', make: () => job.id },
    { name: 'JSON', make: () => JSON.stringify(job, null, 2) },
    ...ownSnippets(() => repeatOf(job)),
  ];
  return <CopyMenu label="Copy as" items={items} />;
}
