/** Places of the page: fragments of its one address, `#/jobs?status=queued`. The server never sees them. */
import { signal } from '@preact/signals';

export interface Place {
  /** `#/jobs/ID` → `['jobs', 'ID']`; `#/` → `[]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Changes with the address. Views read their ids and filters from it. */
export const place = signal<Place>({ path: [], query: new URLSearchParams() });

export function parsePlace(fragment: string): Place {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decode),
    query: new URLSearchParams(query),
  };
}

/** A fragment that a person typed may have a `%` of its own. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @returns the address of a place, for `href` and `go` */
export function hrefOf(path: readonly string[], query: URLSearchParams | Readonly<Record<string, string>> = {}) {
  // A comma may stand in an address as it is.
  const search = new URLSearchParams(query).toString().replaceAll('%2C', ',');
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

/**
 * Changes the address.
 * @param mode `push`: the back button returns to the place before. `replace`: the same place, told more exactly
 */
export function go(href: string, mode: 'push' | 'replace' = 'push'): void {
  if (href === location.hash) return;
  if (mode === 'push') {
    history.pushState(null, '', href);
    restoredScroll = 0;
  } else {
    history.replaceState(history.state, '', href);
  }
  place.value = parsePlace(href);
}

interface PlaceState {
  readonly scrollY: number;
}

let restoredScroll = 0;

/** How far down the reader was at this place, in pixels; 0 for a place that is new. */
export const savedScroll = (): number => restoredScroll;

export function startRouter(): void {
  // A view scrolls when it has its content, which is later than the browser would.
  history.scrollRestoration = 'manual';
  readAddress();
  addEventListener('hashchange', readAddress);
  addEventListener('popstate', readAddress);
  document.addEventListener('scrollend', () => history.replaceState({ scrollY } satisfies PlaceState, ''));
}

function readAddress(): void {
  // Read at once: the view of the place scrolls before it has its content.
  restoredScroll = (history.state as PlaceState | null)?.scrollY ?? 0;
  if (location.hash !== hrefOf(place.value.path, place.value.query)) place.value = parsePlace(location.hash);
}
