/** The request that the reader writes: inputs as they are typed, and the body that they make. */
import { computed, effect, type Signal, signal } from '@preact/signals';
import type { GenerationRequest } from '@prosemill/client';
import type { ServiceIndex } from '@prosemill/contract';
import { countCodePoints } from '../code-points.ts';
import { keepDraft, readDraft } from '../drafts.ts';
import { formatPlural } from '../format.ts';
import { index } from '../service-state.ts';
import { defaultNewTokens, numberFields, type NumberName, rangeOf, wrongNumber } from './request-fields.ts';

/** The inputs, each a string as it is typed. An empty one is left out of the body. */
export interface FormValues extends Record<NumberName, string> {
  readonly prompt: string;
  readonly seed: string;
  readonly stop: readonly string[];
  readonly priority: string;
  readonly deadlineSeconds: string;
}

export type FieldName = keyof FormValues;

const draftName = 'form';

export class RequestForm {
  readonly prompt = signal('');
  readonly numbers: Readonly<Record<NumberName, Signal<string>>> = {
    max_new_tokens: signal(''),
    temperature: signal(''),
    top_k: signal(''),
    top_p: signal(''),
    repetition_penalty: signal(''),
  };
  readonly seed = signal('');
  readonly stop = signal<readonly string[]>([]);
  readonly priority = signal('normal');
  readonly deadlineSeconds = signal('');

  readonly defaults = computed(() => defaultsOf(index.value));
  /** Sentences about the inputs that cannot be sent, by field. */
  readonly wrong = computed(() => this.#findWrong());
  /** Null while an input is wrong. */
  readonly body = computed(() => (this.wrong.value.size === 0 ? this.#toBody() : null));
  /** The number of parameters that are not as they were at first. */
  readonly changed = computed(() => {
    const { prompt: _prompt, ...parameters } = this.#values();
    const { prompt: _none, ...defaults } = this.defaults.value;
    return Object.entries(defaults).filter(
      ([name, value]) => String(parameters[name as keyof typeof parameters]) !== String(value),
    ).length;
  });

  /** Keeps the inputs for a reload, from now on. @returns ends it, and whether there were some already */
  start(): { readonly stop: () => void; readonly hadDraft: boolean } {
    const draft = readDraft(draftName) as Partial<FormValues> | null;
    this.setValues({ ...this.defaults.peek(), ...draft });
    // The defaults of the service come later than the page: an input that nobody changed takes them.
    let shown = this.defaults.peek();
    const stopDefaults = effect(() => {
      const defaults = this.defaults.value;
      for (const { name } of numberFields) {
        if (this.numbers[name].peek() === shown[name]) this.numbers[name].value = defaults[name];
      }
      shown = defaults;
    });
    const stopKeeping = effect(() => keepDraft(draftName, this.#values()));
    return {
      hadDraft: draft !== null,
      stop() {
        stopDefaults();
        stopKeeping();
      },
    };
  }

  setValues(values: FormValues): void {
    this.prompt.value = values.prompt;
    for (const { name } of numberFields) this.numbers[name].value = values[name];
    this.seed.value = values.seed;
    this.stop.value = values.stop;
    this.priority.value = values.priority;
    this.deadlineSeconds.value = values.deadlineSeconds;
  }

  setBody(body: GenerationRequest): void {
    this.setValues(toValues(body, this.defaults.peek()));
  }

  /** All but the prompt. */
  reset(): void {
    this.setValues({ ...this.defaults.peek(), prompt: this.prompt.peek() });
  }

  /** The inputs as one string, for comparison. */
  snapshot(): string {
    return JSON.stringify(this.#values());
  }

  #values(): FormValues {
    const numbers = Object.fromEntries(numberFields.map(({ name }) => [name, this.numbers[name].value]));
    return {
      ...(numbers as Record<NumberName, string>),
      prompt: this.prompt.value,
      seed: this.seed.value,
      stop: this.stop.value,
      priority: this.priority.value,
      deadlineSeconds: this.deadlineSeconds.value,
    };
  }

  #findWrong(): ReadonlyMap<FieldName, string> {
    const wrong = new Map<FieldName, string>();
    const { prompt, seed, deadlineSeconds, ...values } = this.#values();
    const maxCharacters = index.value?.limits.prompt_characters ?? Infinity;
    const tooMany = countCodePoints(prompt) - maxCharacters;
    if (tooMany > 0) wrong.set('prompt', `has ${formatPlural(tooMany, 'character')} too many`);
    const inputs = [...numberFields.map(({ name }) => [name, values[name]] as const), ['seed', seed] as const];
    for (const [name, input] of inputs) {
      const problem = input === '' ? null : wrongNumber(input, rangeOf(name, index.value?.limits));
      if (problem !== null) wrong.set(name, problem);
    }
    if (deadlineSeconds !== '' && !(Number(deadlineSeconds) > 0)) {
      wrong.set('deadlineSeconds', 'must be a number of seconds');
    }
    return wrong;
  }

  #toBody(): GenerationRequest {
    const values = this.#values();
    const defaults = this.defaults.value;
    const numbers = numberFields.flatMap(({ name }) =>
      values[name] === '' || (name !== 'max_new_tokens' && Number(values[name]) === Number(defaults[name]))
        ? []
        : [[name, Number(values[name])]],
    );
    const stop = values.stop.filter((each) => each !== '');
    return {
      prompt: values.prompt,
      ...Object.fromEntries(numbers),
      ...(values.seed === '' ? {} : { seed: Number(values.seed) }),
      ...(stop.length === 0 ? {} : { stop }),
      ...(values.priority === 'low' ? { priority: 'low' as const } : {}),
      ...(values.deadlineSeconds === '' ? {} : { deadline_ms: Math.ceil(Number(values.deadlineSeconds) * 1_000) }),
    };
  }
}

function defaultsOf(described: ServiceIndex | null): FormValues {
  const { temperature = 1, top_k = 50, top_p = 1, repetition_penalty = 1 } = described?.defaults ?? {};
  return {
    prompt: '',
    max_new_tokens: String(defaultNewTokens),
    temperature: String(temperature),
    top_k: String(top_k),
    top_p: String(top_p),
    repetition_penalty: String(repetition_penalty),
    seed: '',
    stop: [],
    priority: 'normal',
    deadlineSeconds: '',
  };
}

/** The inputs that make this body. */
function toValues(body: GenerationRequest, defaults: FormValues): FormValues {
  const { prompt, seed, stop, priority, deadline_ms } = body;
  const numbers = numberFields.map(({ name }) => [name, body[name] == null ? defaults[name] : String(body[name])]);
  return {
    ...defaults,
    ...(Object.fromEntries(numbers) as Record<NumberName, string>),
    prompt,
    seed: seed == null ? '' : String(seed),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    priority: priority ?? 'normal',
    deadlineSeconds: deadline_ms == null ? '' : String(deadline_ms / 1_000),
  };
}
