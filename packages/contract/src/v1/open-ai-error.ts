/** OpenAI's error format, for every error of `/v1`: the official clients turn it into their error classes. */
import { z } from '@hono/zod-openapi';
import type { AppError, ErrorCode } from '@prosemill/core';
import { errorHeaders, type ErrorPresenter, type ProblemStatus } from '../present-problem.ts';
import { declareErrors, problemMediaType, problemSchema, problemTable } from '../problem.ts';

/** The header that names the job of an answer: the first. That of an error names the job that ended with it, if any. */
export const jobIdHeader = 'x-job-id';

const types = ['invalid_request_error', 'rate_limit_error', 'server_error'] as const;

/** @see https://platform.openai.com/docs/guides/error-codes */
export const openAiErrorSchema = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.enum(types),
      param: z.string().nullable().openapi({ description: 'The field of the request that is wrong.' }),
      code: z.string().openapi({ description: "OpenAI's code where there is one, else a code of docs/errors.md." }),
    }),
  })
  .openapi('OpenAiError');

export type OpenAiError = z.infer<typeof openAiErrorSchema>;

export const presentOpenAiError: ErrorPresenter = function presentOpenAiError(error, { requestId }) {
  const status = openAiStatus(error.code);
  const { job_id: jobId } = error.details;
  const headers = {
    'Content-Type': 'application/json',
    ...errorHeaders(error, { status, requestId }),
    ...(typeof jobId === 'string' ? { [jobIdHeader]: jobId } : {}),
  };
  return { status, headers, body: JSON.stringify(openAiError(error)) };
};

/** The body of an error, and the data of an error within a stream. */
export function openAiError(error: AppError): OpenAiError {
  const wrong = wrongFields(error);
  const status = openAiStatus(error.code);
  return {
    error: {
      message: messageOf(error, wrong),
      type: status >= 500 ? 'server_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error',
      param: wrong[0]?.param ?? null,
      code: codeOf(error, wrong),
    },
  };
}

/** OpenAI has no 422. */
function openAiStatus(code: ErrorCode): ProblemStatus {
  const { status } = problemTable[code];
  return status === 422 ? 400 : status;
}

/** Codes that OpenAI's clients and the programs around them know. */
const openAiCodes: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'invalid_api_key',
  rate_limited: 'rate_limit_exceeded',
};

function codeOf({ code }: AppError, [first]: readonly WrongField[]): string {
  if (code !== 'invalid_request') return openAiCodes[code] ?? code;
  return first?.code === 'unrecognized_keys' ? 'unknown_parameter' : 'invalid_value';
}

function messageOf({ code, message, details }: AppError, wrong: readonly WrongField[]): string {
  if (code === 'internal') return 'Something went wrong on our side.';
  if (code === 'context_length_exceeded') return contextMessage(details) ?? message;
  if (wrong.length === 0) return message;
  return wrong.map(({ name, detail }) => (name === '' ? detail : `${name}: ${detail}`)).join('; ');
}

/** OpenAI's own words: programs look for them, to shorten the prompt. */
function contextMessage(details: AppError['details']): string | null {
  const { prompt_tokens: prompt, limit, neededTokens: needed, isWholePrompt } = details;
  if (typeof prompt !== 'number' || typeof needed !== 'number') return null;
  const least = isWholePrompt === false ? 'more than ' : '';
  return (
    `This model's maximum context length is ${String(limit)} tokens, however you requested ${least}${needed} tokens ` +
    `(${least}${prompt} in your prompt; ${needed - prompt} for the completion). Please reduce your prompt; or completion length.`
  );
}

interface WrongField {
  /** The field of the request. */
  readonly param: string;
  /** The place in OpenAI's notation: `prompt[0]`. */
  readonly name: string;
  readonly detail: string;
  readonly code: string;
}

/** @param error  An error whose details have JSON pointers, or any other. */
function wrongFields({ details }: AppError): readonly WrongField[] {
  const errors = Array.isArray(details['errors'])
    ? (details['errors'] as { pointer: string; detail: string; code: string }[])
    : [];
  return errors.map(({ pointer, detail, code }) => {
    const [param = '', ...rest] = pointer
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const name = param + rest.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join('');
    return { param, name, detail, code };
  });
}

/** Errors that may come before the route is known. Then they are problem documents on every path. */
const errorsBeforeRoutes: ReadonlySet<ErrorCode> = new Set([
  'malformed_request',
  'expectation_failed',
  'headers_too_large',
  'request_timeout',
  'body_too_large',
]);

/** Declares the responses of a route of `/v1` for these error codes. */
export const openAiErrorResponses = <Code extends ErrorCode>(...codes: readonly Code[]) =>
  declareErrors(codes, {
    statusOf: openAiStatus,
    hasJobId: true,
    contentOf: (group) => ({
      'application/json': { schema: openAiErrorSchema },
      ...(group.some((code) => errorsBeforeRoutes.has(code)) ? { [problemMediaType]: { schema: problemSchema } } : {}),
    }),
  }) as unknown as Record<(typeof problemTable)[Code]['status'], OpenAiErrorResponse>;

interface OpenAiErrorResponse {
  description: string;
  content: { 'application/json': { schema: typeof openAiErrorSchema } };
}
