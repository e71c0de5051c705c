/** The playground: a prompt, its parameters, and up to four texts side by side. */
import { effect, type Signal, untracked, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { copy } from '../copy.ts';
import { live } from '../live.ts';
import { pageTitle } from '../page-title.ts';
import { CopyMenu } from '../parts/copy-menu.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import { nextPrompt } from '../playground/next-prompt.ts';
import { ownSnippets } from '../playground/own-snippets.ts';
import { Parameters } from '../playground/parameters.tsx';
import '../playground/playground.css';
import { mostSamples, Playground } from '../playground/playground.ts';
import { describeForTitle } from '../playground/progress.ts';
import { PromptField, type PromptFieldProps } from '../playground/prompt-field.tsx';
import { startPromptCheck } from '../playground/prompt-check.ts';
import { RequestForm } from '../playground/request-form.ts';
import type { Sample } from '../playground/sample.ts';
import { fitToRoom } from '../playground/room.ts';
import { SamplesPanel } from '../playground/samples-panel.tsx';
import { readRequest, repeatOf, requestHref } from '../playground/shared-request.ts';
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
  const count = useSignal(1);
  /** The form as the address filled it in. */
  const linked = useRef('');
  useLifetime({ form, playground, stopCheck, linked });
  useTitle(playground);

  const write = (): void => {
    const body = form.body.peek();
    if (body === null || body.prompt === '') {
      document.querySelector<HTMLElement>('.playground [aria-invalid="true"], #prompt')?.focus();
      return;
    }
    playground.write(body, { count: count.peek(), keepsPromise: form.snapshot() === linked.current });
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
  useShortcuts(sampleShortcuts);
  useWriteKey(write);

  return (
    <div class="playground">
      <Composer form={form} playground={playground} check={check} note={note} count={count} onWrite={write} />
      <Parameters form={form} />
      <SamplesPanel playground={playground} onGoOn={(text) => void goOn(text)} onChange={change} />
    </div>
  );
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

const numbers = Array.from({ length: mostSamples }, (_, at) => String(at + 1));
const focusSample = (number: string): void => document.querySelector<HTMLElement>(`#sample-${number}`)?.focus();
const sampleShortcuts = Object.fromEntries(numbers.map((number) => [number, () => focusSample(number)]));

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

interface ComposerProps extends PromptFieldProps {
  readonly playground: Playground;
  readonly count: Signal<number>;
  readonly onWrite: () => void;
}

function Composer({ form, playground, check, note, count, onWrite }: ComposerProps) {
  const copyLink = (): void => {
    const body = form.body.peek();
    if (body !== null) void copy(new URL(requestHref(body, null), location.href).href, 'Link');
  };
  const cannotWrite = useComputed(() => form.body.value === null || form.prompt.value === '');
  return (
    <section class="panel composer" aria-labelledby="view-title">
      <ViewHeading title="Playground" />
      <PromisedText playground={playground} />
      <PromptField form={form} check={check} note={note} />
      <div class="bar write-bar">
        <button type="button" class="main" aria-disabled={cannotWrite} onClick={onWrite}>
          Write <kbd>Ctrl ⏎</kbd>
        </button>
        <span class="bar count">
          <label for="samples">Samples</label>
          <select
            id="samples"
            value={count}
            onChange={({ currentTarget }) => (count.value = Number(currentTarget.value))}
          >
            {numbers.map((number) => (
              <option key={number}>{number}</option>
            ))}
          </select>
        </span>
        <CopyMenu label="Copy as" items={ownSnippets(() => form.body.peek() ?? { prompt: form.prompt.peek() })} />
        <button type="button" onClick={copyLink}>
          Link
        </button>
      </div>
    </section>
  );
}

/** A link that promises a text runs nothing by itself. */
function PromisedText({ playground }: { readonly playground: Playground }) {
  const isOpen = useComputed(() => playground.promised.value !== null && playground.samples.value.length === 0);
  if (!isOpen.value) return null;
  return (
    <p class="status running" role="status">
      This link says which text it gives. Write, and it is compared, letter for letter.
    </p>
  );
}
