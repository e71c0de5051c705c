/** The texts that are written together: samples with seeds of their own, or one seed at several temperatures. */
import type { GenerationRequest } from '@prosemill/client';

export const mostSamples = 4;
const sampleCounts = Array.from({ length: mostSamples }, (_, at) => String(at + 1));
const temperatures = [0, 0.5, 1, 1.5];

/** By the name that the reader sees: a number of samples, or the sweep over the temperatures. */
export const sweep = 'temperatures';
export const varieties: readonly string[] = [...sampleCounts, sweep];

/** @param newSeed for texts that differ in the temperature only, if the request has no seed */
export function requestsOf(
  body: GenerationRequest,
  variety: string,
  newSeed: () => number,
): readonly GenerationRequest[] {
  if (variety === sweep) {
    const seed = body.seed ?? newSeed();
    const at = (temperature: number): GenerationRequest => ({ ...body, temperature, seed });
    return temperatures.map(at);
  }
  return Array.from({ length: Number(variety) }, (_, place) =>
    body.seed == null ? body : { ...body, seed: seedAt(body.seed, place) },
  );
}

const seedAt = (seed: number, place: number): number => (seed + place) % 2 ** 32;

export const newSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
