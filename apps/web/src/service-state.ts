/** The description and the health of the service, which every view shows. */
import type { Health, ServiceIndex } from '@prosemill/contract';
import { computed, signal } from '@preact/signals';
import { type PageProblem, serverNow } from './api.ts';
import { getHealth, getIndex } from './requests.ts';
import { keysHeld } from './session.ts';
import { everyWhileVisible } from './while-visible.ts';

/** Null until the first answer. */
export const index = signal<ServiceIndex | null>(null);
export const health = signal<Health | null>(null);
/** The reason why there is no newer health; null: there is. */
export const healthProblem = signal<PageProblem | null>(null);

/** The time of the next look, by the clock of `nowMs`. */
export const nextLookMs = signal(0);

/** Without keys the page says no word of them. */
export const needsKeys = computed(() => index.value?.auth === 'keys');
/** The reader may pause the queue and make keys. */
export const isAdmin = computed(() => index.value?.auth === 'off' || keysHeld.value.includes('admin'));

/** The version that answered first: the page comes from the same service. */
const firstVersion = signal<string | null>(null);
/** The service is another version than the page. */
export const isUpdated = computed(() => firstVersion.value !== null && health.value?.version !== firstVersion.value);

/** How far the model has loaded, in percent; null: it is not loading, or has loaded. */
export function loadedPercent({ model, workers }: Pick<Health, 'model' | 'workers'>): number | null {
  if (model !== null || workers.length === 0) return null;
  return Math.round(100 * Math.max(...workers.map(({ load_progress }) => load_progress ?? 0)));
}

const healthMs = 5_000;

/** Reads the state of the service now. */
export async function look(): Promise<void> {
  const [described, felt] = await Promise.all([isIndexWhole() ? null : getIndex(), getHealth()]);
  if (described?.ok === true) index.value = described.body;
  if (felt.ok) {
    health.value = felt.body;
    firstVersion.value ??= felt.body.version;
  }
  healthProblem.value = felt.ok ? null : felt.problem;
}

/** The limits of a model are known when a worker has loaded it; another model may come with another version. */
const isIndexWhole = (): boolean =>
  index.value?.model != null &&
  index.value.limits.context_tokens !== null &&
  index.value.model.fingerprint === health.value?.model?.fingerprint;

/** @returns stops */
export const startServiceState = (): (() => void) =>
  everyWhileVisible(healthMs, async () => {
    await look();
    nextLookMs.value = serverNow() + healthMs;
  });
