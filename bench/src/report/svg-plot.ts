/** Plots bars as an SVG that is readable on light and dark pages. */

export interface BarGroup {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The ends of the whisker. */
  readonly min: number;
  readonly max: number;
  readonly isOurs: boolean;
}

const width = 760;
const labelWidth = 200;
const numberWidth = 90;
const barHeight = 20;
const gap = 6;
const titleHeight = 34;
const fullWidth = width - labelWidth - numberWidth;

/** Plots the groups below each other, each with a scale of its own from 0 to its longest bar. */
export function plotBars(groups: readonly BarGroup[]): string {
  const parts: string[] = [];
  let y = 10;
  for (const group of groups) {
    parts.push(`<text x="0" y="${y + 18}" class="title">${escape(group.title)} (${escape(group.unit)})</text>`);
    y += titleHeight;
    const largest = Math.max(...group.bars.map(({ max }) => max));
    for (const bar of group.bars) {
      parts.push(...barAt(bar, y, fullWidth / largest));
      y += barHeight + gap;
    }
    y += 12;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">
<style>
text { font: 13px system-ui, sans-serif; fill: #57606a; }
.title { font-weight: 600; }
.ours { fill: #1f883d; }
.other { fill: #8c959f; }
.range { stroke: #57606a; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) { text { fill: #b1bac4; } .range { stroke: #e6edf3; } }
</style>
${parts.join('\n')}
</svg>
`;
}

function barAt({ label, value, min, max, isOurs }: Bar, y: number, scale: number): readonly string[] {
  const middle = y + barHeight / 2;
  const xOf = (of: number): string => (labelWidth + of * scale).toFixed(1);
  return [
    `<text x="${labelWidth - 10}" y="${middle + 4}" text-anchor="end">${escape(label)}</text>`,
    `<rect x="${labelWidth}" y="${y}" width="${(value * scale).toFixed(1)}" height="${barHeight}" rx="2" class="${isOurs ? 'ours' : 'other'}"/>`,
    `<line x1="${xOf(min)}" x2="${xOf(max)}" y1="${middle}" y2="${middle}" class="range"/>`,
    `<text x="${labelWidth + max * scale + 8}" y="${middle + 4}">${Math.round(value).toLocaleString('en-US')}</text>`,
  ];
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
