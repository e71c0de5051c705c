/** A problem in words, with the buttons that help. */
import type { PageProblem } from '../api.ts';
import { copy } from '../copy.ts';
import { explain } from '../problem-text.ts';
import { askForKey, type KeySlot, keysHeld } from '../session.ts';
import { Icon } from './icons.tsx';

export interface ProblemBoxProps {
  readonly problem: PageProblem;
  /** The key that would help. Default: `texts`. */
  readonly slot?: KeySlot;
  readonly onRetry?: (() => void) | undefined;
}

export function ProblemBox({ problem, slot = 'texts', onRetry }: ProblemBoxProps) {
  const { text, help } = explain(problem);
  const isKeyless = problem.code === 'unauthorized' && !keysHeld.value.includes(slot);
  const askKey = async (): Promise<void> => {
    if (await askForKey({ slot, isRefused: problem.code === 'unauthorized' && !isKeyless }, true)) onRetry?.();
  };
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <p>{isKeyless ? 'This needs an API key.' : text}</p>
      {help === 'key' && (
        <button type="button" onClick={() => void askKey()}>
          {problem.code === 'forbidden' ? 'Use another key' : 'Key…'}
        </button>
      )}
      {help === 'report' && problem.request_id !== null && (
        <button type="button" onClick={() => void copy(problem.request_id ?? '', 'Number')}>
          Copy the number
        </button>
      )}
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
      {problem.request_id === null ? null : (
        <details class="small">
          <summary>Details</summary>
          {problem.code}, request <code>{problem.request_id}</code>
        </details>
      )}
    </div>
  );
}
