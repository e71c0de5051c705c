/** A request for a text and its terms, between the body and the domain. */
import {
  defaultTerms,
  type JobRequest,
  type JobTerms,
  type SamplingParameters,
  type TextRequest,
} from '@prosemill/core';
import type { BatchRequest } from './batch.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { JobBody } from './job.ts';
import { toWebhook } from './webhook.ts';

/** The fields of a request that belong to its job. */
type JobFields = Omit<GenerationRequest, 'on_disconnect'>;

export const toTextRequest = (body: JobFields): TextRequest => ({
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

export const toJobTerms = (body: JobFields): JobTerms => ({
  ...defaultTerms,
  metadata: body.metadata,
  priority: body.priority,
  deadlineMs: body.deadline_ms ?? null,
  startTimeoutMs: body.start_timeout_ms ?? null,
  webhook: toWebhook(body),
  isStored: body.store,
});

/** The jobs that a batch asks for, without the id of the batch. */
export const toJobRequests = ({ requests }: BatchRequest): readonly JobRequest[] =>
  requests.map((item) => ({
    request: toTextRequest(item),
    terms: { ...toJobTerms(item), customId: item.custom_id },
  }));

export const presentParameters = (parameters: SamplingParameters): JobBody['parameters'] => ({
  max_length: parameters.maxLength,
  max_new_tokens: parameters.maxNewTokens,
  temperature: parameters.temperature,
  top_k: parameters.topK,
  top_p: parameters.topP,
  repetition_penalty: parameters.repetitionPenalty,
  stop: [...parameters.stop],
});
