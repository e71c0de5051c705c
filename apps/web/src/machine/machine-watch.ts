/** The machine while somebody looks: its present each second, and the series of the last 15 minutes. */
import type { MachineBody } from '@prosemill/contract';
import { signal } from '@preact/signals';
import type { PageProblem } from '../api.ts';
import { live } from '../live.ts';
import { getMachine } from '../requests.ts';
import { isOnlyAdmin } from '../session.ts';
import { everyWhileVisible } from '../while-visible.ts';
import { ChartWindow } from './chart-window.ts';
import { historyOf, sampleOf, seriesNames } from './machine-samples.ts';
import { gapSeconds, keptSeconds, MachineSeries } from './machine-series.ts';

const pollMs = 1_000;

export class MachineWatch {
  readonly body = signal<MachineBody | null>(null);
  /** The reason why there is no newer body; null: there is. */
  readonly problem = signal<PageProblem | null>(null);
  readonly series = new MachineSeries(seriesNames);
  readonly window = new ChartWindow();
  /** Rises whenever the series have changed. */
  readonly tick = signal(0);
  #isFilling = false;

  /** @returns ends it */
  start(): () => void {
    const stops = [
      ...(isOnlyAdmin() ? [] : [live.watchTopic('machine', (data) => void this.#note(data as MachineBody))]),
      everyWhileVisible(pollMs, async () => this.#poll()),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Streams do not get through everywhere. */
  async #poll(): Promise<void> {
    if (live.state.value === 'connected' && this.body.value !== null) return;
    const answer = await getMachine();
    this.problem.value = answer.ok ? null : answer.problem;
    if (answer.ok) await this.#note(answer.body);
  }

  /** After a silence the service knows what the series missed. */
  async #note(body: MachineBody): Promise<void> {
    const sample = sampleOf(body);
    const missed = sample.at - (this.series.newest ?? -Infinity);
    this.body.value = body;
    this.problem.value = null;
    if (missed > gapSeconds) await this.#fill(Math.min(keptSeconds, missed));
    else this.#add(() => this.series.add(sample));
  }

  async #fill(seconds: number): Promise<void> {
    if (this.#isFilling) return;
    this.#isFilling = true;
    const answer = await getMachine(seconds);
    this.#isFilling = false;
    if (!answer.ok) return;
    this.#add(() => {
      for (const sample of historyOf(answer.body)) this.series.add(sample);
      this.series.add(sampleOf(answer.body));
    });
  }

  #add(change: () => void): void {
    change();
    this.window.advance(this.series.newest ?? 0);
    this.tick.value += 1;
  }
}
