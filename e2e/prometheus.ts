/**
 * The parts of Prometheus' text format that tests read.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface MetricFamily {
  readonly type: string;
  /** Label names of its series, without a histogram's `le`, which belongs to the format. */
  readonly labels: ReadonlySet<string>;
}

/** Families by name. */
export function readFamilies(text: string): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, { type: string; labels: Set<string> }>();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    families.set(name, { type, labels: new Set() });
  }
  for (const [, series = '', labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const family = families.get(series) ?? families.get(series.replace(/_(?:bucket|sum|count)$/, ''));
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') family?.labels.add(label);
  }
  return families;
}

/** The value of a series, named as in the text: `prosemill_tokens_total{type="prompt"}`. NaN if there is none. */
export function valueOf(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}
