/** The pairs of metadata that the listed jobs must have: a button that removes each, and a field for another one. */
import { useRef } from 'preact/hooks';

/** More pairs are refused by the service. */
const maxPairs = 16;

export interface MetadataFilterProps {
  /** `customer:4711` */
  readonly pairs: readonly string[];
  readonly onChange: (pairs: readonly string[]) => void;
}

export function MetadataFilter({ pairs, onChange }: MetadataFilterProps) {
  const input = useRef<HTMLInputElement>(null);
  const add = (event: Event): void => {
    event.preventDefault();
    const pair = input.current?.value ?? '';
    if (input.current !== null) input.current.value = '';
    if (!pairs.includes(pair)) onChange([...pairs, pair]);
  };
  return (
    <>
      {pairs.length >= maxPairs ? null : (
        <form class="metadata-filter" onSubmit={add}>
          <label class="small muted">
            Metadata
            <input
              ref={input}
              required
              pattern="[^:]+:.*"
              title="A key and a value with a colon between them: customer:4711"
              placeholder="key:value"
            />
          </label>
          <button type="submit">
            Add<span class="hidden"> this metadata to the filters</span>
          </button>
        </form>
      )}
      {pairs.map((pair) => (
        <button key={pair} type="button" onClick={() => onChange(pairs.filter((each) => each !== pair))}>
          {pair} <span aria-hidden="true">✕</span>
          <span class="hidden">: remove this filter</span>
        </button>
      ))}
    </>
  );
}
