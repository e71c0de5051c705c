/** The machine: a verdict, figures, the slots as they fill, and charts of the last 15 minutes. */
import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { describeEstimates } from '../estimates.ts';
import { Charts } from '../machine/charts.tsx';
import { verdictOf } from '../machine/machine-facts.ts';
import { MachineWatch } from '../machine/machine-watch.ts';
import { StatTiles } from '../machine/stat-tiles.tsx';
import type { Verdict } from '../machine/verdict.ts';
import { WorkerPanels } from '../machine/worker-panels.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { Skeleton } from '../parts/skeleton.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { useShortcuts } from '../shortcuts.ts';
import './machine.css';

export function View() {
  const watch = useMemo(() => new MachineWatch(), []);
  const isLive = useSignal(true);
  useEffect(() => (isLive.value ? watch.start() : undefined), [watch, isLive.value]);
  const toggle = (): void => {
    isLive.value = !isLive.value;
  };
  useShortcuts({ '.': toggle });
  const verdict = useComputed(() => {
    void watch.tick.value;
    return watch.body.value === null ? null : verdictOf(watch.body.value, watch.series);
  });
  return (
    <div class="machine">
      <section class="panel">
        <div class="bar machine-head">
          <ViewHeading title="Machine" />
          <button type="button" class="quiet" aria-pressed={!isLive.value} onClick={toggle}>
            Hold the view
          </button>
        </div>
        <VerdictLine verdict={verdict} />
        <MachineProblem watch={watch} />
        <StatTiles body={watch.body} />
        <EstimatesLine watch={watch} />
      </section>
      <WorkerPanels body={watch.body} />
      <Charts watch={watch} />
    </div>
  );
}

function VerdictLine({ verdict }: { readonly verdict: ReadonlySignal<Verdict | null> }) {
  if (verdict.value === null) return <Skeleton lines={1} />;
  const { tone, word, sentence, reasons } = verdict.value;
  return (
    <>
      <p class="verdict">
        <b class={`verdict-${tone}`}>
          <span aria-hidden="true">{marks[tone]}</span> {word}.
        </b>{' '}
        {sentence}
      </p>
      {reasons.length === 0 ? null : (
        <ul class="verdict-reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Tones differ by their shapes too. */
const marks: Readonly<Record<Verdict['tone'], string>> = { good: '●', warning: '▲', bad: '■' };

function EstimatesLine({ watch: { body } }: { readonly watch: MachineWatch }) {
  const words = useComputed(() => describeEstimates(body.value?.estimate_error ?? null)).value;
  return words === '' ? null : <p class="small muted estimates">Estimates of the last hour: {words}.</p>;
}

function MachineProblem({ watch: { problem } }: { readonly watch: MachineWatch }) {
  return problem.value === null ? null : <ProblemBox problem={problem.value} />;
}
