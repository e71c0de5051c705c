/** The prompt, and under it its length, its tokens, and why it would be refused. */
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { countCodePoints } from '../code-points.ts';
import { formatCount, formatPlural } from '../format.ts';
import { useBoundValue } from '../parts/use-bound-value.ts';
import { explain } from '../problem-text.ts';
import { index } from '../service-state.ts';
import { describeWait } from './progress.ts';
import type { PromptCheck } from './prompt-check.ts';
import type { RequestForm } from './request-form.ts';
import { roomOf } from './room.ts';

export interface PromptFieldProps {
  readonly form: RequestForm;
  readonly check: ReadonlySignal<PromptCheck>;
  /** A sentence about the prompt that the page made, as long as it is that. */
  readonly note: ReadonlySignal<string>;
}

export function PromptField({ form, check, note }: PromptFieldProps) {
  const input = useBoundValue<HTMLTextAreaElement>(form.prompt);
  const isAsked = useComputed(() => form.body.value !== null && check.value.problem === null);
  const facts = useComputed(() => describePrompt(form.prompt.value, check.value, isAsked.value));
  const wrong = useComputed(() => {
    const length = form.wrong.value.get('prompt');
    if (length !== undefined) return `The prompt ${length}.`;
    const { problem } = check.value;
    // A service that is busy or away says nothing about the request.
    return problem === null || problem.retryAfterMs !== null ? '' : explain(problem).text;
  });
  return (
    <div>
      <label for="prompt">Prompt</label>
      <textarea
        id="prompt"
        dir="auto"
        rows={4}
        ref={input}
        aria-describedby="prompt-facts prompt-wrong"
        aria-invalid={wrong.value !== ''}
        onInput={({ currentTarget }) => (form.prompt.value = currentTarget.value)}
      />
      <p id="prompt-facts" class="small muted figures">
        {facts}
      </p>
      <p id="prompt-wrong" class="small status failed" role="status">
        {wrong}
      </p>
      <FillRoom form={form} check={check} />
      <p class="small muted" role="status">
        {note}
      </p>
    </div>
  );
}

/** @param isAsked the answer about the prompt is on its way, if it is not there */
function describePrompt(prompt: string, { result }: PromptCheck, isAsked: boolean): string {
  const limits = index.value?.limits;
  const characters = `${formatCount(countCodePoints(prompt))} of ${formatCount(limits?.prompt_characters ?? 0)} characters`;
  if (limits === undefined || prompt === '') return limits === undefined ? '' : characters;
  if (result?.prompt_tokens == null) return isAsked ? `${characters} · …` : characters;
  const room = limits.context_tokens === null ? null : Math.max(0, limits.context_tokens - result.prompt_tokens);
  const start = result.estimated_start_at;
  return [
    characters,
    formatPlural(result.prompt_tokens, 'token'),
    ...(room === null ? [] : [`room for ${formatCount(room)} more`]),
    ...(start === null ? [] : [`begins ${describeWait(start)}`]),
  ].join(' · ');
}

/** The way out of a request for more tokens than there is room. */
function FillRoom({ form, check }: Pick<PromptFieldProps, 'form' | 'check'>) {
  const room = roomOf(check.value.problem);
  if (room === null) return null;
  return (
    <button type="button" onClick={() => (form.numbers.max_new_tokens.value = String(room))}>
      Ask for {formatCount(room)}
    </button>
  );
}
