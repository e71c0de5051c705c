/** The frame of every view: skip link, header, banner, the view itself, dialogs. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { place, savedScroll } from '../router.ts';
import { type ViewEntry, viewOf } from '../views.ts';
import { Banner } from './banner.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { Header } from './header.tsx';
import { HelpDialog } from './help-dialog.tsx';
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
      <Header />
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
