/** Starts the page. */
import { render } from 'preact';
import './style/tokens.css';
import './style/base.css';
import { startLive } from './live.ts';
import { startNarrow } from './narrow.ts';
import { startNow } from './now.ts';
import { startPageTitle } from './page-title.ts';
import { AppShell } from './parts/app-shell.tsx';
import { isHelpOpen } from './parts/help-dialog.tsx';
import { go, startRouter } from './router.ts';
import { startServiceState } from './service-state.ts';
import { noteHeldKeys } from './session.ts';
import { addShortcuts, startShortcuts } from './shortcuts.ts';
import { startTheme } from './theme.ts';
import { views } from './views.ts';

startTheme();
startRouter();
startPageTitle();
noteHeldKeys();
startServiceState();
startNarrow();
startNow();
startLive();
startShortcuts();
addShortcuts({
  '?': () => {
    isHelpOpen.value = true;
  },
  ...Object.fromEntries(
    views.flatMap(({ key, nav }) => (key === undefined || nav === undefined ? [] : [[`g ${key}`, () => go(nav.href)]])),
  ),
});

const page = document.querySelector('#page');
if (page !== null) render(<AppShell />, page);
