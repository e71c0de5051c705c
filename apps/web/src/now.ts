/** The present as values that change: texts about times read them. */
import { signal } from '@preact/signals';
import { serverNow } from './api.ts';
import { everyWhileVisible } from './while-visible.ts';

const minuteMs = 60_000;

/** The server's time in milliseconds, each second. */
export const nowMs = signal(serverNow());
/** The same each minute: for times of which seconds do not matter. */
export const nowInMinutesMs = signal(serverNow());

export const startNow = (): (() => void) =>
  everyWhileVisible(1_000, async () => {
    nowMs.value = serverNow();
    if (nowMs.value - nowInMinutesMs.value >= minuteMs) nowInMinutesMs.value = nowMs.value;
  });
