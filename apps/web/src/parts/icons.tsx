/** Icons: shapes of Lucide (https://lucide.dev, ISC), 24 × 24. A word beside each says the same, maybe hidden. */

const circle = 'M2 12a10 10 0 1 0 20 0a10 10 0 1 0-20 0';

const shapes = {
  queued: `${circle}M12 6v6l4 2`,
  running: `${circle}M12 18a6 6 0 0 0 0-12v12z`,
  succeeded: 'M20 6 9 17l-5-5',
  failed: 'M18 6 6 18M6 6l12 12',
  canceled: `${circle}M4.9 4.9l14.2 14.2`,
  expired:
    'M5 22h14M5 2h14M17 22v-4.2a2 2 0 0 0-.6-1.4L12 12l-4.4 4.4a2 2 0 0 0-.6 1.4V22M7 2v4.2a2 2 0 0 0 .6 1.4L12 12l4.4-4.4a2 2 0 0 0 .6-1.4V2',
  warning: 'm21.7 18-8-14a2 2 0 0 0-3.5 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.7-3M12 9v4M12 17h.01',
  pause: 'M6 4h4v16H6zM14 4h4v16h-4z',
  play: 'M6 3l14 9-14 9z',
  menu: 'M4 6h16M4 12h16M4 18h16',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
