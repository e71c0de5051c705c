/** The wire's names for sampling, and the domain's. */
import type { GenerationRequest, JobBody } from '@prosemill/contract';
import type { SamplingParameters } from '@prosemill/core';

export const toSamplingParameters = (request: GenerationRequest): SamplingParameters => ({
  maxLength: request.max_length ?? null,
  maxNewTokens: request.max_new_tokens ?? null,
  temperature: request.temperature,
  topK: request.top_k,
  topP: request.top_p,
  repetitionPenalty: request.repetition_penalty,
  stop: request.stop,
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
