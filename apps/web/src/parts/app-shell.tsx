/** The frame of every view: skip link, navigation, health, banner, the view itself, dialogs. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { hrefOf, place, savedScroll } from '../router.ts';
import { settings } from '../settings.ts';
import { type ViewEntry, viewOf, views } from '../views.ts';
import { Banner } from './banner.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { HealthBadge } from './health-badge.tsx';
import { HelpDialog, isHelpOpen } from './help-dialog.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { Toast } from './toast.tsx';
import { ViewHeading } from './view-heading.tsx';

export function AppShell() {
  const main = useRef<HTMLElement>(null);
  const skip = (event: Event): void => {
    // The fragment of the address is the place.
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header class="top">
        <strong>Prosemill</strong>
        <Nav />
        <span class="end">
          <HealthBadge />
          <ThemeButton />
          <button type="button" class="quiet" onClick={() => (isHelpOpen.value = true)}>
            Help
          </button>
        </span>
      </header>
      <Banner />
      <main id="main" tabIndex={-1} ref={main}>
        <CurrentView />
      </main>
      <Toast />
      <KeyDialog />
      <ConfirmDialog />
      <HelpDialog />
    </>
  );
}

/** The next theme of the three. */
function ThemeButton() {
  const { values, current, choose } = settings.theme;
  const next = (): void => choose(values[(values.indexOf(current.value) + 1) % values.length] ?? 'auto');
  return (
    <button type="button" class="quiet" onClick={next}>
      Theme: {current}
    </button>
  );
}

/** A view that the reader left is found as it was. */
const latestHrefs = new Map<string, string>();

function Nav() {
  const current = useComputed(() => viewOf(place.value)?.name);
  if (current.value !== undefined) latestHrefs.set(current.value, hrefOf(place.value.path, place.value.query));
  return (
    <nav aria-label="Main">
      {views.map(({ name, nav }) =>
        nav === undefined || nav.isShown?.() === false ? null : (
          <a
            key={name}
            href={current.value === name ? nav.href : (latestHrefs.get(name) ?? nav.href)}
            aria-current={current.value === name ? 'page' : undefined}
          >
            {nav.title}
          </a>
        ),
      )}
    </nav>
  );
}

type LoadedView = { readonly entry: ViewEntry; readonly View: ComponentType } | 'lost' | null;

function CurrentView() {
  const entry = useComputed(() => viewOf(place.value)).value;
  const loaded = useSignal<LoadedView>(null);
  const isFirst = useRef(true);

  useEffect(() => {
    if (entry === undefined) return undefined;
    let isCurrent = true;
    const show = (view: LoadedView): void => {
      if (isCurrent) loaded.value = view;
    };
    void entry.load().then(
      ({ View }) => show({ entry, View }),
      () => show('lost'),
    );
    return () => {
      isCurrent = false;
    };
  }, [entry, loaded]);

  const shown = loaded.value;
  const name = entry === undefined ? 'none' : shown === null || shown === 'lost' ? null : shown.entry.name;
  useEffect(() => {
    if (name === null) return;
    scrollTo(0, savedScroll());
    // A page that was just opened begins at its top, like any document.
    if (!isFirst.current) document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [name]);

  if (entry === undefined) return <UnknownPlace />;
  if (shown === 'lost') return <LostView />;
  return shown === null || shown.entry !== entry ? null : <shown.View key={entry.name} />;
}

function UnknownPlace() {
  return (
    <section class="panel">
      <ViewHeading title="There is no such page" />
      <a href="#/">To the playground</a>
    </section>
  );
}

/** An update of the service has other scripts than the page that is open. */
function LostView() {
  return (
    <section class="panel" role="alert">
      <ViewHeading title="This part of the page did not load" />
      <p>Maybe the service was updated, or it cannot be reached.</p>
      <button type="button" onClick={() => location.reload()}>
        Load the page again
      </button>
    </section>
  );
}
