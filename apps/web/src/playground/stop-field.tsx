/** The strings at which a text ends. */
import type { Signal } from '@preact/signals';
import { index } from '../service-state.ts';

const nameOf = (place: number): string => (place === 0 ? 'Stop at' : `Stop at ${place + 1}`);

export function StopField({ stop }: { readonly stop: Signal<readonly string[]> }) {
  const most = index.value?.limits.stop ?? 1;
  const inputs = stop.value.length === 0 ? [''] : stop.value;
  const set = (place: number, text: string): void => {
    stop.value = inputs.map((each, at) => (at === place ? text : each));
  };
  return (
    <fieldset class="parameter">
      <legend>Stop at</legend>
      {inputs.map((text, place) => (
        <div key={nameOf(place)} class="seed">
          <input
            aria-label={nameOf(place)}
            value={text.replaceAll('\n', String.raw`\n`)}
            placeholder={String.raw`nothing; \n is a new line`}
            onInput={({ currentTarget }) => set(place, currentTarget.value.replaceAll(String.raw`\n`, '\n'))}
          />
          {place > 0 && (
            <button type="button" onClick={() => (stop.value = inputs.filter((_, at) => at !== place))}>
              Remove<span class="hidden"> stop {place + 1}</span>
            </button>
          )}
        </div>
      ))}
      {inputs.length < most && (
        <button type="button" onClick={() => (stop.value = [...inputs, ''])}>
          Add another
        </button>
      )}
    </fieldset>
  );
}
