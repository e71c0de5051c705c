const [ln2High, ln2Low] = [6.931_471_803_691_238_16e-1, 1.908_214_929_270_587_7e-10];
const coefficients = [
  4.138_136_797_057_238_46e-8, -1.653_390_220_546_525_15e-6, 6.613_756_321_437_934_36e-5, -2.777_777_777_701_559_338e-3,
  1.666_666_666_666_660_19e-1,
] as const;

/** 2⁰, 2⁻¹, … to the smallest number, and 0. Halves are exact. */
const halves = new Float64Array(1_076);
for (let power = 1, index = 0; index < halves.length; index += 1, power /= 2) halves[index] = power;

/**
 * e^x for x ≤ 0, with an error of less than one unit in the last place. It consists of operations whose results
 * ECMAScript prescribes: the last bit of `Math.exp` differs between versions of V8 and between CPUs.
 * @see fdlibm's e_exp.c
 */
export function exp(x: number): number {
  if (x < -745.2) return 0;
  const count = Math.round(-x / Math.LN2);
  const high = x + count * ln2High;
  const low = -count * ln2Low;
  const rest = high - low;
  const square = rest * rest;
  const even = rest - square * coefficients.reduce((sum, coefficient) => sum * square + coefficient, 0);
  return (1 - (low - (rest * even) / (2 - even) - high)) * (halves[count] ?? Number.NaN);
}
