/** The playground: a prompt, its parameters, and up to four texts side by side. */
import { effect, type ReadonlySignal, untracked, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { watchEstimateError } from '../estimates.ts';
import { isAhead } from '../format.ts';
import { live } from '../live.ts';
import { nowMs } from '../now.ts';
import { pageTitle } from '../page-title.ts';
import { Composer } from '../playground/composer.tsx';
import { nextPrompt } from '../playground/next-prompt.ts';
import { Parameters } from '../playground/parameters.tsx';
import '../playground/playground.css';
import { Playground } from '../playground/playground.ts';
import { describeForTitle } from '../playground/progress.ts';
import { type PromptCheck, startPromptCheck } from '../playground/prompt-check.ts';
import { RequestForm } from '../playground/request-form.ts';
import type { Sample } from '../playground/sample.ts';
import { fitToRoom } from '../playground/room.ts';
import { SamplesPanel } from '../playground/samples-panel.tsx';
import { sampleShortcuts } from '../playground/sample-shortcuts.ts';
import { readRequest, repeatOf } from '../playground/shared-request.ts';
import { newSeed, requestsOf, varieties } from '../playground/variety.ts';
import { place } from '../router.ts';
import { index } from '../service-state.ts';
import { useShortcuts } from '../shortcuts.ts';

const cutNote = 'A prompt has room for the end of the text only: its beginning was left out.';

export function View() {
  const form = useMemo(() => new RequestForm(), []);
  const playground = useMemo(() => new Playground(live), []);
  const { check, stop: stopCheck } = useMemo(() => startPromptCheck(form.body), [form]);
  /** The prompt that was made of the end of a text. */
  const cutPrompt = useSignal<string | null>(null);
  const note = useComputed(() => (form.prompt.value === cutPrompt.value ? cutNote : ''));
  const variety = useSignal(varieties[0] ?? '');
  /** The form as the address filled it in. */
  const linked = useRef('');
  useLifetime({ form, playground, stopCheck, linked });
  useTitle(playground);
  useEstimateError(playground, check);

  const write = (): void => {
    const body = form.body.peek();
    if (body === null || body.prompt === '') {
      focusWrong();
      return;
    }
    playground.write(requestsOf(body, variety.peek(), newSeed), { keepsPromise: form.snapshot() === linked.current });
    requestAnimationFrame(showTexts);
  };
  const goOn = async (text: string): Promise<void> => {
    const { prompt, isCut } = nextPrompt(text, index.peek()?.limits.prompt_characters ?? Infinity);
    form.prompt.value = prompt;
    form.seed.value = '';
    cutPrompt.value = isCut ? prompt : null;
    await fitToRoom(form);
    write();
  };
  const change = (sample: Sample): void => {
    const job = sample.job.peek();
    if (job !== null) form.setBody(repeatOf(job));
    document.querySelector<HTMLElement>('#prompt')?.focus();
  };
  const example = (prompt: string): void => {
    form.prompt.value = prompt;
    document.querySelector<HTMLElement>('#prompt')?.focus();
  };
  useShortcuts(useMemo(() => sampleShortcuts(playground), [playground]));
  useWriteKey(write);

  return (
    <div class="playground">
      <Composer form={form} playground={playground} check={check} note={note} variety={variety} onWrite={write} />
      <Parameters form={form} />
      <SamplesPanel playground={playground} onExample={example} onGoOn={(text) => void goOn(text)} onChange={change} />
    </div>
  );
}

/** Focuses the first field that keeps a request from being sent, wherever it is folded away. */
function focusWrong(): void {
  const field = document.querySelector<HTMLElement>('.playground [aria-invalid="true"]');
  for (let fold = field?.closest('details'); fold != null; fold = fold.parentElement?.closest('details')) {
    fold.open = true;
  }
  (field ?? document.querySelector<HTMLElement>('#prompt'))?.focus();
}

interface Lifetime {
  readonly form: RequestForm;
  readonly playground: Playground;
  readonly stopCheck: () => void;
  readonly linked: { current: string };
}

/** Begins with the place and the draft, and ends with the view. */
function useLifetime({ form, playground, stopCheck, linked }: Lifetime): void {
  useEffect(() => {
    const { hadDraft, stop } = form.start();
    const stopPlaces = effect(() => {
      const current = place.value;
      untracked(() => {
        const request = readRequest(current);
        if (request !== null) {
          form.setBody(request);
          linked.current = form.snapshot();
        }
        playground.open(current);
      });
    });
    // A reader who opens the address of a text sees its request.
    const stopFilling = effect(() => {
      const job = playground.samples.value[0]?.job.value;
      if (!hadDraft && job != null && form.prompt.peek() === '') form.setBody({ ...repeatOf(job), seed: null });
    });
    return () => {
      for (const end of [stopFilling, stopPlaces, stop, stopCheck]) end();
      playground.close();
    };
  }, [form, playground, stopCheck, linked]);
}

function useTitle(playground: Playground): void {
  useSignalEffect(() => {
    const progress = describeForTitle(playground.samples.value);
    pageTitle.value = progress === '' ? 'Playground' : `${progress} · Playground`;
  });
}

function useEstimateError(playground: Playground, check: ReadonlySignal<PromptCheck>): void {
  const isWaiting = useComputed(
    () =>
      playground.samples.value.some(({ job }) => isAhead(job.value?.queue?.estimated_start_at ?? null, nowMs.value)) ||
      isAhead(check.value.result?.estimated_start_at ?? null, nowMs.value),
  );
  useEffect(() => watchEstimateError(isWaiting), [isWaiting]);
}

/** Wherever the focus is. */
function useWriteKey(write: () => void): void {
  const latest = useRef(write);
  latest.current = write;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
      if (document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}

/** The texts begin above this part of the screen's height, or the page scrolls to them. */
const leastTextShare = 0.6;

/** On a phone the new texts are below the form: the reader who asked for them sees where they come. */
function showTexts(): void {
  const panel = document.querySelector('.samples-panel');
  const top = panel?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > leastTextShare * innerHeight) panel?.scrollIntoView({ block: 'start' });
}
