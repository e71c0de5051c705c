/** The room that a prompt leaves for new tokens. */
import type { PageProblem } from '../api.ts';
import { checkRequest } from '../requests.ts';
import type { RequestForm } from './request-form.ts';

/** The new tokens that a refused request could have; null: none, or the problem is another one. */
export function roomOf(problem: PageProblem | null): number | null {
  const { code, prompt_tokens, limit } = problem ?? {};
  if (code !== 'context_length_exceeded' || prompt_tokens === undefined || limit === undefined) return null;
  return limit > prompt_tokens ? limit - prompt_tokens : null;
}

/** Lowers the new tokens of a form to the room that its prompt leaves. */
export async function fitToRoom(form: RequestForm): Promise<void> {
  const body = form.body.peek();
  if (body === null) return;
  const answer = await checkRequest(body);
  const room = answer.ok ? null : roomOf(answer.problem);
  if (room !== null) form.numbers.max_new_tokens.value = String(room);
}
