/** A state of the service that explains why texts do not come, above every view. */
import { useComputed } from '@preact/signals';
import { formatClock } from '../format.ts';
import { explain } from '../problem-text.ts';
import { health, healthProblem, isPaused } from '../service-state.ts';
import { Icon } from './icons.tsx';

export function Banner() {
  const text = useComputed(() => {
    if (healthProblem.value !== null) return `${explain(healthProblem.value).text} Trying again…`;
    if (isPaused.value !== true) return '';
    const since = health.value?.queue.paused_at ?? null;
    return `The queue is paused${since === null ? '' : ` since ${formatClock(since)}`}. Texts wait until it is resumed.`;
  });
  // It is always there: screen readers read changes only.
  return (
    <div class="banner" role="status">
      {text.value !== '' && (
        <p>
          <Icon name="pause" />
          {text}
        </p>
      )}
    </div>
  );
}
