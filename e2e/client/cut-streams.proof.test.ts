/** A hundred random cuts of the connections of streams: the client ends with exactly the texts of its jobs. */
import { fileURLToPath } from 'node:url';
import { createClient } from '@prosemill/client';
import { startTcpProxy, type TcpProxy } from '@prosemill/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchChromium } from '../browser/chromium.ts';
import type { Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';
import { bundleClient } from './bundle-client.ts';

const cutsWanted = 100;
/** One piece of text in so many is followed by a cut. */
const piecesPerCut = 2;

const ignore = async (): Promise<void> => undefined;

let service: Service;
let proxy: TcpProxy;
beforeAll(async () => {
  service = await launchEmbedded();
  proxy = await startTcpProxy(service.url);
});
afterAll(async () => {
  await proxy.stop();
  await service.stop('SIGKILL');
});

interface StreamSetup {
  readonly createClient: typeof createClient;
  readonly url: string;
  /** Called after each piece of text, before the next event is read. */
  readonly onText: () => Promise<void>;
}

/** Streams a text. A page gets this function as text, so it refers to nothing but its parameters. */
async function streamText({ createClient: create, url, onText }: StreamSetup) {
  const streamed = { losses: 0, id: '', text: '' };
  const client = create({ url, onRetry: () => (streamed.losses += 1) });
  const request = { prompt: 'Once upon a time', max_new_tokens: 480, top_k: 0, temperature: 1.3 };
  for await (const event of client.stream(request)) {
    if (event.type === 'completed')
      Object.assign(streamed, { id: event.job.id, text: request.prompt + event.completion });
    if (event.type === 'token') await onText();
  }
  return streamed;
}

/** Streams texts through cuts until there were enough of them, and compares each text with that of its job. */
async function expectTexts(stream: (onText: StreamSetup['onText']) => ReturnType<typeof streamText>): Promise<void> {
  const client = createClient({ url: service.url });
  let cuts = 0;
  const onText = async (): Promise<void> => {
    if (Math.random() * piecesPerCut >= 1) return;
    cuts += proxy.connectionCount;
    proxy.reset();
  };
  for (let losses = 0; losses < cutsWanted;) {
    const streamed = await stream(onText);
    losses += streamed.losses;
    const { output } = await client.job(streamed.id);
    expect(streamed.text).toBe(output?.generated_text);
  }
  expect(cuts).toBeGreaterThanOrEqual(cutsWanted);
}

it('in Node', async () => {
  await expectTexts(async (onText) => await streamText({ createClient, url: proxy.url, onText }));
});

it('in a browser', async () => {
  const browser = await launchChromium();
  onTestFinished(async () => await browser.close());
  // The pages of the service may not send requests, but this one does.
  const page = await browser.newPage({ bypassCSP: true });
  await page.goto(`${proxy.url}/livez`);
  const { code } = await bundleClient(fileURLToPath(import.meta.resolve('@prosemill/client')));
  await page.evaluate(`${code}; globalThis.prosemill = prosemill;`);
  let note = ignore;
  await page.exposeFunction('onText', async () => await note());
  const script = `(${streamText.toString()})({ ...prosemill, url: location.origin, onText })`;
  await expectTexts(async (onText) => {
    note = onText;
    return await page.evaluate<Awaited<ReturnType<typeof streamText>>>(script);
  });
});
