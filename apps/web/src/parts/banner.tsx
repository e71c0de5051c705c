/** A state of the service that explains why texts do not come, above every view. */
import { useComputed } from '@preact/signals';
import { resumeQueue } from '../admin/admin-requests.ts';
import { explain } from '../problem-text.ts';
import { nowMs } from '../now.ts';
import { health, healthProblem, isAdmin, isUpdated, look, nextLookMs } from '../service-state.ts';
import { toast } from '../toast.ts';
import { type BannerState, describeBanner } from './banner-state.ts';
import { Icon } from './icons.tsx';

export function Banner() {
  const state = useComputed(() =>
    describeBanner({
      health: health.value,
      problem: healthProblem.value,
      isAdmin: isAdmin.value,
      isUpdated: isUpdated.value,
    }),
  ).value;
  // It is always there: screen readers read changes only.
  return (
    <div class="banner" role="status">
      {state !== null && (
        <div class={`bar ${state.tone}`}>
          {state.tone !== 'note' && <Icon name="warning" />}
          <p>
            {state.text} {state.action === 'retry' && <Countdown />}
          </p>
          {state.action !== null && <Action action={state.action} />}
        </div>
      )}
    </div>
  );
}

/** Hidden from screen readers, which would read it every second. */
function Countdown() {
  const text = useComputed(() => {
    const seconds = Math.floor((nextLookMs.value - nowMs.value) / 1_000);
    return seconds > 0 ? `Trying again in ${seconds} s` : 'Trying again…';
  });
  return (
    <span class="figures" aria-hidden="true">
      {text}
    </span>
  );
}

async function resume(): Promise<void> {
  const answer = await resumeQueue();
  if (answer.ok) await look();
  else toast(explain(answer.problem).text);
}

const actions = {
  retry: { name: 'Try now', act: () => void look() },
  resume: { name: 'Resume', act: () => void resume() },
  reload: { name: 'Reload', act: () => location.reload() },
} as const;

function Action({ action }: { readonly action: NonNullable<BannerState['action']> }) {
  const { name, act } = actions[action];
  return (
    <button type="button" onClick={act}>
      {name}
    </button>
  );
}
