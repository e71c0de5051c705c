/** Shows the progress of a load: as a bar on a terminal, else as a log line for every tenth. */
import { type LoadPhase, loadPhases, type Logger } from '@prosemill/core';
import { type OnLoadProgress, percentOf, shareOf } from '../load-progress.ts';

export interface ProgressReport {
  readonly update: OnLoadProgress;
  /** Removes the bar from the terminal. A later update starts a new one. Idempotent. */
  end(): void;
}

const barWidth = 30;
const inBytes: ReadonlySet<LoadPhase> = new Set(['downloading', 'checking']);
/** A check that is shorter than this is not logged, because every start checks the files. */
const quietCheckMs = 1_000;
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

export function createProgressReport(
  logger: Logger,
  terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
): ProgressReport {
  let shown = '';
  let phase: LoadPhase | null = null;
  let phaseStart = 0;
  let nextTenth = 0;

  function enter(next: LoadPhase): void {
    phase = next;
    phaseStart = performance.now();
    nextTenth = 0;
  }

  function show(text: string): void {
    if (text !== shown) terminal.write(`\r\u001B[2K${text}`);
    shown = text;
  }

  function log(current: LoadPhase, share: number | null): void {
    if (current === 'checking' && performance.now() - phaseStart < quietCheckMs) return;
    const tenths = (share ?? 0) * 10;
    if (tenths < nextTenth) return;
    const percent = share === null ? {} : { percent: percentOf(share) };
    logger.info({ phase: loadPhases[current], ...percent }, 'loading the model');
    nextTenth = Math.floor(tenths) + 1;
  }

  return {
    update(current, done, total) {
      if (current !== phase) enter(current);
      const share = shareOf(done, total);
      // The size of the download is not known yet.
      if (share === null && inBytes.has(current)) return;
      if (terminal.isTTY) show(lineOf(current, done, total));
      else log(current, share);
    },
    end() {
      if (shown !== '') terminal.write('\r\u001B[2K');
      shown = '';
      phase = null;
    },
  };
}

function lineOf(phase: LoadPhase, done: number, total: number): string {
  const share = shareOf(done, total);
  if (share === null) return `${loadPhases[phase]} …`;
  const bar = '█'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '░');
  const amount = inBytes.has(phase) ? `${megabytes(done)} of ${megabytes(total)} MB` : `${percentOf(share)} %`;
  return `${loadPhases[phase]} ${bar} ${amount}`;
}
