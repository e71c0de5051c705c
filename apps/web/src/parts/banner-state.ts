/** The one thing about the service that every view says, the most urgent first. */
import type { Health } from '@prosemill/contract';
import type { PageProblem } from '../api.ts';
import { formatClock } from '../format.ts';
import { explain } from '../problem-text.ts';
import { loadedPercent } from '../service-state.ts';

export interface BannerInput {
  /** Null until the first answer. */
  readonly health: Health | null;
  /** The reason why there is no newer health. */
  readonly problem: PageProblem | null;
  readonly isAdmin: boolean;
  readonly isUpdated: boolean;
}

export interface BannerState {
  /** `away`: the service does not answer. `warning`: texts may not come. `note`: all is well. */
  readonly tone: 'away' | 'warning' | 'note';
  readonly text: string;
  /** The button that helps; null: there is none. */
  readonly action: 'retry' | 'resume' | 'reload' | null;
}

/** @returns null: there is nothing to say */
export function describeBanner({ health, problem, isAdmin, isUpdated }: BannerInput): BannerState | null {
  if (problem !== null) return { tone: 'away', text: explain(problem).text, action: 'retry' };
  if (health === null) return null;
  const isPaused = health.queue.paused === true;
  if (health.problems.length > 0) {
    return { tone: 'warning', text: sentencesOf(health).join(' '), action: isPaused && isAdmin ? 'resume' : null };
  }
  if (isUpdated) return { tone: 'note', text: 'Prosemill was updated.', action: 'reload' };
  const percent = loadedPercent(health);
  if (percent === null) return null;
  return { tone: 'note', text: `The model is loading, ${percent} %. Texts begin when it is there.`, action: null };
}

/** The problems of the service. It does not say since when the queue is paused. */
function sentencesOf({ problems, queue }: Health): readonly string[] {
  if (queue.paused !== true || queue.paused_at === null) return problems;
  const others = problems.filter((problem) => !problem.startsWith('The queue is paused'));
  return [...others, `The queue is paused since ${formatClock(queue.paused_at)}. Texts wait until it is resumed.`];
}
