/** The description and the health of the service, which every view shows. */
import type { Health, ServiceIndex } from '@prosemill/contract';
import { computed, signal } from '@preact/signals';
import type { PageProblem } from './api.ts';
import { getHealth, getIndex } from './requests.ts';
import { everyWhileVisible } from './while-visible.ts';

/** Null until the first answer. */
export const index = signal<ServiceIndex | null>(null);
export const health = signal<Health | null>(null);
/** The reason why there is no newer health; null: there is. */
export const healthProblem = signal<PageProblem | null>(null);

/** Null: not known. */
export const isPaused = computed(() => health.value?.queue.paused ?? null);
/** Without keys the page says no word of them. */
export const needsKeys = computed(() => index.value?.auth === 'keys');

const healthMs = 5_000;

async function look(): Promise<void> {
  const [described, felt] = await Promise.all([isIndexWhole() ? null : getIndex(), getHealth()]);
  if (described?.ok === true) index.value = described.body;
  if (felt.ok) health.value = felt.body;
  healthProblem.value = felt.ok ? null : felt.problem;
}

/** The limits of a model are known when a worker has loaded it; another model may come with another version. */
const isIndexWhole = (): boolean =>
  index.value?.model != null &&
  index.value.limits.context_tokens !== null &&
  index.value.model.fingerprint === health.value?.model?.fingerprint;

/** @returns stops */
export const startServiceState = (): (() => void) => everyWhileVisible(healthMs, look);
