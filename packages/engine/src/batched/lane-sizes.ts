const sizes = [64, 128, 192, 256, 384, 512];

/** The size T of each lane: in small increments for most texts, then larger ones up to the model's positions. */
export const laneSizes = (positions: number): readonly number[] => [
  ...sizes.filter((size) => size < positions),
  positions,
];
