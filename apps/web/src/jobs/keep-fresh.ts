/** Keeps a list of jobs up to date while somebody looks. */
import type { ReadonlySignal } from '@preact/signals';
import { live } from '../live.ts';
import { everyWhileVisible } from '../while-visible.ts';
import type { JobList } from './job-list.ts';

const eventMs = 1_000;
/** Looks without an event come at every second tick: the progress of a job that runs is no event. */
const ticksOfLook = 2;

/** @returns ends it */
export function keepFresh(list: JobList, isLive: ReadonlySignal<boolean>): () => void {
  let hasNews = true;
  let ticks = 0;
  const unwatch = live.watchTopic('jobs', () => {
    hasNews = true;
  });
  const stop = everyWhileVisible(eventMs, async (signal) => {
    ticks += 1;
    const isBlind = list.hasOpen() || live.state.value !== 'connected';
    if (!isLive.value || !(hasNews || (isBlind && ticks % ticksOfLook === 0))) return;
    hasNews = false;
    await list.refresh(signal);
  });
  return () => {
    unwatch();
    stop();
  };
}
