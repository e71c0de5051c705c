/** Vitest's `it` with a service and a tab of a browser that is watched. */
import type { ClientOptions } from '@prosemill/client';
import { expect, test } from 'vitest';
import { createCheckedClient } from '../http-client.ts';
import type { Service } from '../launch.ts';
import { launchChromium } from './chromium.ts';
import { PageWatch } from './page-watch.ts';

/**
 * Makes an `it` whose tests share a browser and a service. Fixtures:
 *
 * - `browser`, `service`, `client`: one for the file; the answers to the client are checked (see http-client.ts).
 * - `watch`: the {@link PageWatch} of the test, which has a browser context of its own.
 * - `page`: a tab of it, still empty.
 *
 * @param launch  Starts the service, with its page.
 * @param options  Of `client`.
 */
export const browserTest = <Launched extends Service>(
  launch: () => Promise<Launched>,
  { apiKey }: Pick<ClientOptions, 'apiKey'> = {},
) =>
  test
    // Vitest reads the names of the fixtures that a fixture needs from its first parameter.
    // oxlint-disable-next-line no-empty-pattern
    .extend('browser', { scope: 'file' }, async ({}, { onCleanup }) => {
      const browser = await launchChromium();
      onCleanup(async () => await browser.close());
      return browser;
    })
    // oxlint-disable-next-line no-empty-pattern
    .extend('service', { scope: 'file' }, async ({}, { onCleanup }) => {
      const service = await launch();
      onCleanup(async () => void (await service.stop('SIGKILL')));
      return service;
    })
    .extend('client', { scope: 'file' }, async ({ service }) => await createCheckedClient(service.url, { apiKey }))
    .extend('watch', async ({ browser, service }, { onCleanup }) => {
      const watch = await PageWatch.start({ browser, url: service.url });
      onCleanup(async () => expect(await watch.end()).toEqual([]));
      return watch;
    })
    .extend('page', async ({ watch }) => await watch.openTab());
