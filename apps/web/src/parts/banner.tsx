/** A state of the service that explains why texts do not come, above every view. */
import { useComputed } from '@preact/signals';
import { resumeQueue } from '../admin/admin-requests.ts';
import { explain } from '../problem-text.ts';
import { health, healthProblem, isAdmin, isUpdated, look } from '../service-state.ts';
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
          <p>{state.text}</p>
          {state.action !== null && <Action action={state.action} />}
        </div>
      )}
    </div>
  );
}

async function resume(): Promise<void> {
  const answer = await resumeQueue();
  if (answer.ok) await look();
  else toast(explain(answer.problem).text);
}

const actions = {
  retry: { name: 'Now', act: () => void look() },
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
