/** The top of the page in one line: navigation, health, choices. On a phone the navigation is a second line. */
import { useComputed } from '@preact/signals';
import { isNarrow } from '../narrow.ts';
import { hrefOf, place } from '../router.ts';
import { settings } from '../settings.ts';
import { viewOf, views } from '../views.ts';
import { HealthBadge } from './health-badge.tsx';
import { isHelpOpen } from './help-dialog.tsx';
import { Menu } from './menu.tsx';

export function Header() {
  return (
    <header class="top">
      <strong>Prosemill</strong>
      {isNarrow.value ? null : <Nav />}
      <span class="end">
        <HealthBadge />
        <PageActions />
      </span>
      {isNarrow.value ? <Nav /> : null}
    </header>
  );
}

function PageActions() {
  const theme = { name: `Theme: ${settings.theme.current.value}`, act: chooseNextTheme };
  const help = { name: 'Help', act: openHelp };
  if (isNarrow.value) return <Menu label="Menu" icon="menu" items={[theme, help]} />;
  return (
    <>
      <button type="button" class="quiet" onClick={theme.act}>
        {theme.name}
      </button>
      <button type="button" class="quiet" onClick={help.act}>
        {help.name}
      </button>
    </>
  );
}

function openHelp(): void {
  isHelpOpen.value = true;
}

/** The next one of the three. */
function chooseNextTheme(): void {
  const { values, current, choose } = settings.theme;
  choose(values[(values.indexOf(current.value) + 1) % values.length] ?? 'auto');
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
