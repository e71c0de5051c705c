/** The request for one text to each kind of server: all sample alike and end no text early. */
import type { Work } from '../work.ts';

export interface TokenCounts {
  readonly promptTokens: number;
  readonly newTokens: number;
}

/**
 * Waits for one text.
 * @returns the server's own counts of its tokens
 * @throws {Error} when the server does not answer with the text
 */
export type Protocol = (url: string, work: Work, seed: number) => Promise<TokenCounts>;

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

const [temperature, topK] = [1, 50];

export const askProsemill: Protocol = async (url, { prompt, newTokens }, seed) => {
  const body = { prompt, max_new_tokens: newTokens, temperature, top_k: topK, seed };
  return countsOf(await post<{ readonly usage: Usage }>(`${url}/generate`, body, { Prefer: 'wait=60' }));
};

/** llama.cpp's own server. @see https://github.com/ggml-org/llama.cpp/tree/master/tools/server */
export const askLlama: Protocol = async (url, { promptIds, newTokens }, seed) => {
  const samplers = ['top_k', 'temperature'];
  const length = { n_predict: newTokens, ignore_eos: true, cache_prompt: false };
  const body = { prompt: promptIds, ...length, temperature, top_k: topK, samplers, seed };
  const answer = await post<{ readonly tokens_evaluated: number; readonly tokens_predicted: number }>(
    `${url}/completion`,
    body,
  );
  return { promptTokens: answer.tokens_evaluated, newTokens: answer.tokens_predicted };
};

/** A server of OpenAI's API that also takes token ids, a minimum length and top_k, like vLLM's. */
export const askOpenAi: Protocol = async (url, { promptIds, newTokens }, seed) => {
  const length = { max_tokens: newTokens, min_tokens: newTokens, ignore_eos: true };
  const body = { model: openAiModel, prompt: promptIds, ...length, temperature, top_k: topK, seed };
  return countsOf(await post<{ readonly usage: Usage }>(`${url}/v1/completions`, body));
};

export const openAiModel = 'random-distilgpt2';

/** The servers of bench/peers. They sample as the others without being told. */
export const askPython: Protocol = async (url, { prompt, promptIds, newTokens }, seed) => {
  const body = { prompt, prompt_ids: promptIds, new_tokens: newTokens, seed };
  const answer = await post<{ readonly prompt_tokens: number; readonly new_tokens: number }>(`${url}/generate`, body);
  return { promptTokens: answer.prompt_tokens, newTokens: answer.new_tokens };
};

const countsOf = ({ usage }: { readonly usage: Usage }): TokenCounts => ({
  promptTokens: usage.prompt_tokens,
  newTokens: usage.completion_tokens,
});

async function post<Answer>(
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  // Prosemill answers 202 when the text is not complete within the longest wait.
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Answer;
}
