import type { TextGenerator } from '@prosemill/core';

/** The fingerprint of the engine's model; null until it is loaded. */
export const fingerprintOf = ({ model }: Pick<TextGenerator, 'model'>): string | null =>
  model?.identity.fingerprint ?? null;
