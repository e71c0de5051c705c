/** The search of the list of jobs. It searches while the reader types; the back button undoes the whole search. */
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** More characters are refused by the service. */
const maxCharacters = 500;
/** From the last key to the search. */
const pauseMs = 300;

export interface SearchBoxProps {
  /** The search of the filters; null: none. */
  readonly query: string | null;
  readonly onSearch: (query: string | null) => void;
  readonly input: RefObject<HTMLInputElement | null>;
}

export function SearchBox({ query, onSearch, input }: SearchBoxProps) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // The other filters may change before the search begins.
  const latest = useRef(onSearch);
  latest.current = onSearch;
  /** The query that this box knows: the last one that it asked for, or got. */
  const known = useRef<string | null | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // Its own search leaves the letters that were typed since. The back button changes the address too.
    if (query === known.current) return;
    known.current = query;
    if (input.current !== null) input.current.value = query ?? '';
    clearTimeout(timer.current);
  }, [input, query]);
  const search = (): void => {
    clearTimeout(timer.current);
    const words = input.current?.value.trim() ?? '';
    known.current = words === '' ? null : words;
    latest.current(known.current);
  };
  const searchSoon = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(search, pauseMs);
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    search();
  };
  return (
    <form role="search" class="job-search" onSubmit={onSubmit}>
      <input
        ref={input}
        type="search"
        aria-label="Search prompts and texts"
        placeholder="Search prompts and texts"
        maxLength={maxCharacters}
        onInput={searchSoon}
      />
    </form>
  );
}
