/** Finished texts as the lines of an export. */
import type { ExportedText, ExportFormat } from '@prosemill/core';
import { presentRecord } from './present-generation.ts';
import type { ExportedTextBody } from './routes/history.ts';

interface ExportPresenter {
  readonly mediaType: string;
  /** The line before the texts; '' for none. */
  readonly head: string;
  /** The line of a text, with its end. */
  readonly line: (text: ExportedText) => string;
}

const presentExported = (text: ExportedText): ExportedTextBody => ({
  ...presentRecord(text),
  job_id: text.jobId,
  seed: text.seed,
  finish_reason: text.finishReason,
  prompt_tokens: text.usage?.promptTokens ?? null,
  completion_tokens: text.usage?.completionTokens ?? null,
  metadata: text.metadata,
});

const csvNames = [
  'id',
  'job_id',
  'created_at',
  'model_name',
  'prompt',
  'generated_text',
  'seed',
  'finish_reason',
  'prompt_tokens',
  'completion_tokens',
  'metadata',
] as const satisfies readonly (keyof ExportedTextBody)[];

/** RFC 4180: lines end with CRLF. */
const csvLine = (values: readonly string[]): string => `${values.join(',')}\r\n`;

/**
 * Quoted where RFC 4180 asks for it. Spreadsheets run a value that begins with one of `=+-@`, also in full width, a tab
 * or an end of a line as a formula; an apostrophe before it makes it a text.
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvValue(value: string): string {
  const harmless = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export const exportPresenters: Readonly<Record<ExportFormat, ExportPresenter>> = {
  jsonl: { mediaType: 'application/jsonl', head: '', line: (text) => `${JSON.stringify(presentExported(text))}\n` },
  csv: {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: csvLine(csvNames),
    line(text) {
      const body = presentExported(text);
      const values = csvNames.map((name) =>
        name === 'metadata' ? JSON.stringify(body[name]) : String(body[name] ?? ''),
      );
      return csvLine(values.map(csvValue));
    },
  },
};
