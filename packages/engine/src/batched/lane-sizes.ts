const sizes = [64, 128, 192, 256, 384, 512];

/** T of the lanes of a model: small steps where most texts are, then larger ones up to its positions. */
export const laneSizes = (positions: number): readonly number[] => [
  ...sizes.filter((size) => size < positions),
  positions,
];
