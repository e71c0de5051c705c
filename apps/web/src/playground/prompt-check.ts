/** The opinion of the service about a request before it is sent: its tokens, its beginning, or its refusal. */
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import type { GenerationRequest } from '@prosemill/client';
import type { DryRunBody } from '@prosemill/contract';
import type { PageProblem } from '../api.ts';
import { checkRequest } from '../requests.ts';

export interface PromptCheck {
  /** The answer about this prompt; null: not known yet. */
  readonly result: DryRunBody | null;
  readonly problem: PageProblem | null;
}

const unknown: PromptCheck = { result: null, problem: null };
/** After the last key. */
const restMs = 300;

/** @param body null: nothing to ask about. @returns the check, and its end */
export function startPromptCheck(body: ReadonlySignal<GenerationRequest | null>): {
  readonly check: ReadonlySignal<PromptCheck>;
  readonly stop: () => void;
} {
  const check = signal(unknown);
  const stop = effect(() => {
    const asked = body.value;
    const asking = new AbortController();
    check.value = { ...check.peek(), problem: null };
    if (asked === null || asked.prompt === '') {
      check.value = unknown;
      return undefined;
    }
    const ask = async (): Promise<void> => {
      const answer = await checkRequest(asked, { signal: asking.signal });
      if (asking.signal.aborted) return;
      check.value = answer.ok ? { result: answer.body, problem: null } : { result: null, problem: answer.problem };
    };
    const timer = setTimeout(() => void ask(), restMs);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  });
  return { check, stop };
}
