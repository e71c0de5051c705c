/** Shows a download: a bar on a terminal, a log line every tenth elsewhere. */
import type { Logger } from '@prosemill/core';

export interface ProgressReport {
  /** Bytes so far; `total` 0 while unknown. */
  update(received: number, total: number): void;
  /** Takes the bar off the terminal. Idempotent. */
  end(): void;
}

const barWidth = 30;
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

export function createProgressReport(
  label: string,
  logger: Logger,
  terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
): ProgressReport {
  let shown = '';
  let nextTenth = 0;

  function line(received: number, total: number): string {
    const filled = Math.round((received / total) * barWidth);
    const bar = '█'.repeat(filled).padEnd(barWidth, '░');
    return `${label} ${bar} ${megabytes(received)} of ${megabytes(total)} MB`;
  }

  return {
    update(received, total) {
      if (total === 0) return;
      if (terminal.isTTY) {
        const text = line(received, total);
        if (text !== shown) terminal.write(`\r\u001B[2K${text}`);
        shown = text;
      } else if (received >= (nextTenth * total) / 10) {
        logger.info({ received, total }, label);
        nextTenth = Math.floor((received / total) * 10) + 1;
      }
    },
    end() {
      if (shown !== '') terminal.write('\r\u001B[2K');
      shown = '';
    },
  };
}
