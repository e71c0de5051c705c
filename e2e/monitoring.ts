/** The parts of Prometheus' and Grafana's files in infra/ that tests need. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

export function readAlerts(): readonly AlertRule[] {
  const file = parse(read('infra/prometheus/alerts.yaml')) as {
    readonly groups: readonly { readonly rules: readonly AlertRule[] }[];
  };
  return file.groups.flatMap(({ rules }) => rules);
}

export const readPanels = (): readonly Panel[] =>
  (JSON.parse(read('infra/grafana/dashboard.json')) as { readonly panels: readonly Panel[] }).panels;

/** Queries of a panel, with a range in place of Grafana's variable. */
export const queriesOf = ({ targets = [] }: Panel): readonly string[] =>
  targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m'));

/** Anchors that GitHub gives to headings. */
export const anchorsOf = (markdown: string): readonly string[] =>
  Array.from(markdown.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
