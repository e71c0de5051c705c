/** The health of the service in a word, and the name of its model. */
import { useComputed } from '@preact/signals';
import { health, healthProblem, index, loadedPercent } from '../service-state.ts';
import type { Health } from '@prosemill/contract';

export function HealthBadge() {
  const state = useComputed(() => (healthProblem.value === null ? describe(health.value) : lost));
  const model = useComputed(() => health.value?.model?.name ?? index.value?.model?.name ?? '');
  const { word, tone, detail } = state.value;
  return (
    <span class="health" title={detail}>
      <span class={`dot ${tone}`} aria-hidden="true" />
      {word}
      <span class="small">{model.value === '' ? '' : ` · ${model.value}`}</span>
    </span>
  );
}

interface State {
  readonly word: string;
  readonly tone: 'succeeded' | 'failed' | 'expired' | 'queued';
  readonly detail: string;
}

const lost: State = { word: 'No answer', tone: 'failed', detail: 'The service does not answer.' };

function describe(felt: Health | null): State {
  if (felt === null) return { word: 'Connecting', tone: 'queued', detail: '' };
  const { status, problems } = felt;
  if (status === 'degraded') return { word: 'Degraded', tone: 'expired', detail: problems.join(' ') };
  const percent = loadedPercent(felt);
  if (percent !== null) return { word: `Loading ${percent} %`, tone: 'queued', detail: 'The model.' };
  return { word: 'Healthy', tone: 'succeeded', detail: '' };
}
