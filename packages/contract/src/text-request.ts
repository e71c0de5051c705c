/** A request for a text and its terms, between the body and the domain. */
import { defaultTerms, type JobTerms, type SamplingParameters, type TextRequest } from '@prosemill/core';
import type { GenerationRequest } from './generation-request.ts';
import type { JobBody } from './job.ts';

export const toTextRequest = (body: GenerationRequest): TextRequest => ({
  prompt: body.prompt,
  parameters: {
    maxLength: body.max_length ?? null,
    maxNewTokens: body.max_new_tokens ?? null,
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    repetitionPenalty: body.repetition_penalty,
    stop: body.stop,
  },
  seed: body.seed ?? null,
});

export const toJobTerms = (body: GenerationRequest): JobTerms => ({
  ...defaultTerms,
  metadata: body.metadata,
  priority: body.priority,
  deadlineMs: body.deadline_ms ?? null,
  startTimeoutMs: body.start_timeout_ms ?? null,
});

export const presentParameters = (parameters: SamplingParameters): JobBody['parameters'] => ({
  max_length: parameters.maxLength,
  max_new_tokens: parameters.maxNewTokens,
  temperature: parameters.temperature,
  top_k: parameters.topK,
  top_p: parameters.topP,
  repetition_penalty: parameters.repetitionPenalty,
  stop: [...parameters.stop],
});
