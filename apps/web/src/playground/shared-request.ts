/** A request as an address, `#/?prompt=…&seed=7`, and the text that it is said to give. */
import type { GenerationRequest } from '@prosemill/client';
import type { JobBody } from '@prosemill/contract';
import { hrefOf, type Place } from '../router.ts';
import { type NumberName, numberFields } from './request-fields.ts';

/** The text that a link promises. */
export interface Promised {
  /** SHA-256 of the whole text, hexadecimal. */
  readonly sha256: string;
  /** The fingerprint of the model that wrote it. */
  readonly fingerprint: string;
}

/** @returns null: the address has no request */
export function readRequest({ query }: Place): GenerationRequest | null {
  const prompt = query.get('prompt');
  if (prompt === null) return null;
  const numbers = [...numberFields.map(({ name }) => name), 'seed' as const].flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' || Number.isNaN(Number(value)) ? [] : [[name, Number(value)]];
  });
  const stop = query.getAll('stop');
  return { prompt, ...Object.fromEntries(numbers), ...(stop.length === 0 ? {} : { stop }) };
}

export function readPromised({ query }: Place): Promised | null {
  const sha256 = query.get('sha256');
  const fingerprint = query.get('model');
  return sha256 === null || fingerprint === null ? null : { sha256, fingerprint };
}

export const promisedQuery = (promised: Promised | null): Readonly<Record<string, string>> =>
  promised === null ? {} : { model: promised.fingerprint, sha256: promised.sha256 };

/** @param promised adds a promise; null: the address only fills in the form */
export function requestHref(body: GenerationRequest, promised: Promised | null): string {
  const query = new URLSearchParams({ prompt: body.prompt });
  for (const name of [...numberFields.map((field) => field.name), 'seed'] satisfies (NumberName | 'seed')[]) {
    const value = body[name];
    if (value != null) query.append(name, String(value));
  }
  for (const each of typeof body.stop === 'string' ? [body.stop] : (body.stop ?? [])) query.append('stop', each);
  for (const [name, value] of Object.entries(promisedQuery(promised))) query.append(name, value);
  return hrefOf([], query);
}

/** The request that gives the text of a job again. */
export function repeatOf(job: JobBody): GenerationRequest {
  const { prompt, seed, parameters } = job;
  const { max_length, max_new_tokens, temperature, top_k, top_p, repetition_penalty, stop } = parameters;
  // The length that it had: a default depends on the prompt, and `max_length` is no field of the form.
  const length = max_new_tokens ?? (max_length === null ? undefined : newTokensOf(job, max_length));
  return {
    prompt,
    ...(length === undefined ? {} : { max_new_tokens: length }),
    temperature,
    top_k,
    top_p,
    repetition_penalty,
    ...(stop.length === 0 ? {} : { stop }),
    seed,
  };
}

const newTokensOf = ({ usage }: JobBody, maxLength: number): number | undefined =>
  usage === null ? undefined : Math.max(1, maxLength - usage.prompt_tokens);

export interface Judgement {
  readonly isKept: boolean;
  readonly text: string;
}

/** Compares a text with its promise. */
export function judge(job: JobBody, { sha256, fingerprint }: Promised): Judgement | null {
  if (job.finished_at === null) return null;
  if (job.status === 'succeeded' && job.output?.sha256 === sha256) {
    return { isKept: true, text: 'Identical, letter for letter.' };
  }
  if (job.status !== 'succeeded') return { isKept: false, text: `Not compared: this text is ${job.status}.` };
  const actual = job.model?.fingerprint;
  if (actual !== undefined && actual !== fingerprint) {
    return { isKept: false, text: `Different: another model, fingerprint ${actual} instead of ${fingerprint}.` };
  }
  return { isKept: false, text: 'Different, though the model is the same: the link was changed, or the text was.' };
}
