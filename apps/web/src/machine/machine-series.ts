/** The last 15 minutes of the machine as columns, in the form that charts draw. */

/** One second of the machine. Null: not known. */
export interface Sample {
  /** Seconds since 1970, by the server's clock. */
  readonly at: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/** The first column is the time; all columns have the same length. */
export type Columns = readonly [times: number[], ...values: (number | null)[][]];

export const keptSeconds = 900;
/** A longer silence is a gap in the lines, not a straight line across it. */
export const gapSeconds = 3;

export class MachineSeries {
  readonly #names: readonly string[];
  readonly #times: number[] = [];
  readonly #values = new Map<string, (number | null)[]>();

  constructor(names: readonly string[]) {
    this.#names = names;
    for (const name of names) this.#values.set(name, []);
  }

  /** Samples that are not newer than the last one are left out: history and live samples overlap. */
  add({ at, values }: Sample): void {
    const last = this.#times.at(-1);
    if (last !== undefined && at <= last) return;
    if (last !== undefined && at - last > gapSeconds) this.#push(last + 1, {});
    this.#push(at, values);
    while ((this.#times[0] ?? at) < at - keptSeconds) this.#drop();
  }

  /** The time of the last sample, in seconds; undefined: there is none. */
  get newest(): number | undefined {
    return this.#times.at(-1);
  }

  columns(names: readonly string[]): Columns {
    return [this.#times, ...names.map((name) => this.#values.get(name) ?? [])];
  }

  /**
   * @param moment  Null: the newest.
   * @returns the value of the last sample until the moment; null: there is none, or it is not known
   */
  valueAt(name: string, moment: number | null): number | null {
    const index = moment === null ? this.#times.length - 1 : this.#times.findLastIndex((at) => at <= moment);
    return this.#values.get(name)?.[index] ?? null;
  }

  /** The sum of a series over the last seconds; null while none of them is known. */
  sum(name: string, seconds: number): number | null {
    const from = (this.#times.at(-1) ?? 0) - seconds;
    const known = (this.#values.get(name) ?? []).filter(
      (value, index): value is number => value !== null && (this.#times[index] ?? 0) > from,
    );
    return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
  }

  #push(at: number, values: Sample['values']): void {
    this.#times.push(at);
    for (const name of this.#names) this.#values.get(name)?.push(values[name] ?? null);
  }

  #drop(): void {
    this.#times.shift();
    for (const name of this.#names) this.#values.get(name)?.shift();
  }
}
