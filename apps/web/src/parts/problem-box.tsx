/** A problem in words, with the buttons that help. */
import type { PageProblem } from '../api.ts';
import { copy } from '../copy.ts';
import { explain } from '../problem-text.ts';
import { askForKey } from '../session.ts';
import { Icon } from './icons.tsx';

export interface ProblemBoxProps {
  readonly problem: PageProblem;
  readonly onRetry?: (() => void) | undefined;
}

export function ProblemBox({ problem, onRetry }: ProblemBoxProps) {
  const { text, help } = explain(problem);
  const askKey = async (): Promise<void> => {
    if (await askForKey({ slot: 'texts', isRefused: true }, true)) onRetry?.();
  };
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <p>{text}</p>
      {help === 'key' && (
        <button type="button" onClick={() => void askKey()}>
          Key…
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
    </div>
  );
}
