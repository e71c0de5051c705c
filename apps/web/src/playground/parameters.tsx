/** The parameters of a request, each with a sentence that explains it. */
import { type ReadonlySignal, useComputed } from '@preact/signals';
import { isNarrow } from '../narrow.ts';
import { useBoundValue } from '../parts/use-bound-value.ts';
import { index } from '../service-state.ts';
import { type NumberField, numberFields, rangeOf } from './request-fields.ts';
import type { RequestForm } from './request-form.ts';
import { StopField } from './stop-field.tsx';
import { newSeed } from './variety.ts';

export function Parameters({ form }: { readonly form: RequestForm }) {
  const changed = useComputed(() => (form.changed.value === 0 ? '' : ` (${form.changed.value} changed)`));
  return (
    <details class="panel parameters" open={!isNarrow.value}>
      <summary>
        <h2>
          Parameters<span class="muted small changed">{changed}</span>
        </h2>
      </summary>
      <button type="button" onClick={() => form.reset()}>
        Defaults
      </button>
      {numberFields.map((field) => (
        <NumberInput key={field.name} form={form} field={field} />
      ))}
      <SeedInput form={form} />
      <StopField stop={form.stop} />
      <details class="more">
        <summary>Priority, deadline</summary>
        <Terms form={form} />
      </details>
    </details>
  );
}

function NumberInput({ form, field }: { readonly form: RequestForm; readonly field: NumberField }) {
  const { name, label, step, help } = field;
  const value = form.numbers[name];
  const input = useBoundValue<HTMLInputElement>(value);
  const { type, minimum, exclusiveMinimum, maximum } =
    useComputed(() => rangeOf(name, index.value?.limits)).value ?? {};
  const min = minimum ?? exclusiveMinimum;
  const isDefault = useComputed(() => value.value === form.defaults.value[name]);
  const wrong = useComputed(() => form.wrong.value.get(name) ?? '');
  const set = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => {
    value.value = currentTarget.value;
  };
  return (
    <div class="parameter">
      <div class="bar name">
        <label for={name}>{label}</label>
        {isDefault.value && <span class="small muted">default</span>}
      </div>
      <div class="number">
        <input
          id={name}
          type="number"
          inputMode="decimal"
          min={min}
          max={maximum}
          step={type === 'integer' ? 1 : 'any'}
          ref={input}
          aria-describedby={`${name}-help`}
          aria-invalid={wrong.value !== ''}
          onInput={set}
        />
        {/* The field beside it says the same to a screen reader, and takes exact values. */}
        <input
          type="range"
          tabIndex={-1}
          aria-hidden="true"
          min={min}
          max={maximum ?? 1_000}
          step={step}
          value={value}
          onInput={set}
        />
      </div>
      <Help name={name} label={label} wrong={wrong}>
        {help}
      </Help>
    </div>
  );
}

interface HelpProps {
  /** The id of the field. */
  readonly name: string;
  /** The subject of the sentence that says what is wrong. */
  readonly label: string;
  /** Empty: nothing. */
  readonly wrong: ReadonlySignal<string>;
  readonly children: string;
}

/** The sentence below a field: its meaning, or the fault of its value. */
function Help({ name, label, wrong, children }: HelpProps) {
  return (
    <p id={`${name}-help`} class="small muted">
      {wrong.value === '' ? children : <span class="status failed">{`${label} ${wrong.value}.`}</span>}
    </p>
  );
}

function SeedInput({ form }: { readonly form: RequestForm }) {
  const input = useBoundValue<HTMLInputElement>(form.seed);
  const wrong = useComputed(() => form.wrong.value.get('seed') ?? '');
  const draw = (): void => {
    form.seed.value = String(newSeed());
  };
  return (
    <div class="parameter">
      <label for="seed">Seed</label>
      <div class="seed">
        <input
          id="seed"
          inputMode="numeric"
          autoComplete="off"
          placeholder="chosen for you"
          ref={input}
          aria-describedby="seed-help"
          aria-invalid={wrong.value !== ''}
          onInput={({ currentTarget }) => (form.seed.value = currentTarget.value.trim())}
        />
        <button type="button" onClick={draw}>
          Draw one
        </button>
      </div>
      <Help name="seed" label="The seed" wrong={wrong}>
        The same seed gives the same text.
      </Help>
    </div>
  );
}

function Terms({ form }: { readonly form: RequestForm }) {
  const input = useBoundValue<HTMLInputElement>(form.deadlineSeconds);
  const wrong = useComputed(() => form.wrong.value.get('deadlineSeconds') ?? '');
  return (
    <>
      <div class="parameter">
        <label for="priority">Priority</label>
        <select
          id="priority"
          value={form.priority}
          onChange={({ currentTarget }) => (form.priority.value = currentTarget.value)}
        >
          <option value="normal">normal</option>
          <option value="low">low: after all others</option>
        </select>
      </div>
      <div class="parameter">
        <label for="deadline">Deadline, seconds</label>
        <input
          id="deadline"
          inputMode="decimal"
          placeholder="none"
          ref={input}
          aria-describedby="deadline-help"
          aria-invalid={wrong.value !== ''}
          onInput={({ currentTarget }) => (form.deadlineSeconds.value = currentTarget.value.trim())}
        />
        <Help name="deadline" label="The deadline" wrong={wrong}>
          The text ends then, whole or not.
        </Help>
      </div>
    </>
  );
}
