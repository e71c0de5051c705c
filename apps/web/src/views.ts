/** The views of the page, each a script of its own that loads when somebody opens it. */
import type { ComponentType } from 'preact';
import type { Place } from './router.ts';
import { isAdmin } from './service-state.ts';

interface ViewModule {
  readonly View: ComponentType;
}

export interface ViewEntry {
  readonly name: string;
  /** In the navigation; a view without it is reached from others. */
  readonly nav?: {
    readonly title: string;
    readonly href: string;
    /** Default: always. */
    readonly isShown?: () => boolean;
  };
  /** The second key of `g p`. */
  readonly key?: string;
  readonly matches: (place: Place) => boolean;
  readonly load: () => Promise<ViewModule>;
}

export const views: readonly ViewEntry[] = [
  {
    name: 'playground',
    nav: { title: 'Playground', href: '#/' },
    key: 'p',
    matches: ({ path }) => path.length === 0,
    load: () => import('./views/playground.tsx'),
  },
  {
    name: 'jobs',
    nav: { title: 'Jobs', href: '#/jobs' },
    key: 'j',
    matches: ({ path: [first, ...rest] }) => first === 'jobs' && rest.length === 0,
    load: () => import('./views/jobs.tsx'),
  },
  {
    name: 'job',
    matches: ({ path: [first, ...rest] }) => first === 'jobs' && rest.length === 1,
    load: () => import('./views/job.tsx'),
  },
  {
    name: 'batch',
    matches: ({ path: [first, ...rest] }) => first === 'batches' && rest.length === 1,
    load: () => import('./views/batch.tsx'),
  },
  {
    name: 'machine',
    nav: { title: 'Machine', href: '#/machine' },
    key: 'm',
    matches: ({ path }) => path.join('/') === 'machine',
    load: () => import('./views/machine.tsx'),
  },
  {
    name: 'admin',
    // Others than administrators reach it by `g a`, and need a key then.
    nav: {
      title: 'Admin',
      href: '#/admin',
      isShown: () => isAdmin.value,
    },
    key: 'a',
    matches: ({ path }) => path.join('/') === 'admin',
    load: () => import('./views/admin.tsx'),
  },
];

/** @returns the view of a place; undefined for a place that is none */
export const viewOf = (place: Place): ViewEntry | undefined => views.find(({ matches }) => matches(place));
