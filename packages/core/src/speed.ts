/** The measured speed of workers, and their joint throughput. Pure. */
import type { WorkerReport } from './ports/worker-store.ts';

/** The speed of one worker, as it measures it. */
export interface WorkerSpeed {
  /** A step, which adds a token to each of `texts`, takes `stepMs + texts * textMs`. */
  readonly stepMs: number;
  readonly textMs: number;
  /** New tokens per token of the budget: prompts are a part of the budget, and texts may end early. */
  readonly newTokenShare: number;
}

/** The speed of all workers that take jobs, in tokens of budgets. */
export interface Throughput {
  readonly slots: number;
  /** Tokens in a millisecond, while every slot has a text. */
  readonly tokensPerMs: number;
  /** The time that one text takes for a token, while `texts` run on all workers together. */
  readonly msPerToken: (texts: number) => number;
}

/**
 * Workers without a measured speed count as average.
 * @returns null when no ready worker knows its speed
 */
export function throughputOf(workers: readonly WorkerReport[]): Throughput | null {
  const ready = workers.filter(({ state }) => state === 'ready');
  const measured = ready.flatMap(({ slots, speed }) => (speed === null ? [] : { slots, speed }));
  const slots = sum(ready, (worker) => worker.slots);
  const measuredSlots = sum(measured, (worker) => worker.slots);
  if (measuredSlots === 0) return null;
  const perMs = sum(measured, (worker) => worker.slots / msPerToken(worker.speed, worker.slots));
  return {
    slots,
    tokensPerMs: (perMs * slots) / measuredSlots,
    msPerToken(texts) {
      const share = Math.min(1, texts / slots);
      const weighted = ({ slots: own, speed }: Measured) => own * msPerToken(speed, Math.max(1, share * own));
      return sum(measured, weighted) / measuredSlots;
    },
  };
}

interface Measured {
  readonly slots: number;
  readonly speed: WorkerSpeed;
}

/**
 * The new tokens a second of one text, while `texts` run on all workers together; 0 while no speed is known. Workers
 * that take no jobs count too, since their texts go on.
 */
export function textRateOf(workers: readonly WorkerReport[], texts: number): number {
  const slots = sum(workers, (worker) => worker.slots);
  const rates = workers.flatMap(({ speed, slots: own }) =>
    speed === null ? [] : 1_000 / stepMsOf(speed, Math.max(1, (texts * own) / slots)),
  );
  return rates.length === 0 ? 0 : sum(rates, (rate) => rate) / rates.length;
}

const msPerToken = (speed: WorkerSpeed, texts: number): number => speed.newTokenShare * stepMsOf(speed, texts);

const stepMsOf = ({ stepMs, textMs }: WorkerSpeed, texts: number): number => stepMs + texts * textMs;

const sum = <Item>(items: readonly Item[], valueOf: (item: Item) => number): number =>
  items.reduce((total, item) => total + valueOf(item), 0);
