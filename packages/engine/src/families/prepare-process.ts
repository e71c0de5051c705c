/** The entry point of the process that prepares a model in int8. All memory that this takes is free when it ends. */
import { errorLine, stopSignals } from '@prosemill/core';
import { prepareInt8 } from '../int8/prepare-int8.ts';
import { storeParts } from '../int8/stored-parts.ts';
import { partOf } from '../load-progress.ts';
import { readWeights } from './families.ts';
import type { DecoderModel } from './open-decoder.ts';

export interface Preparation {
  readonly model: DecoderModel;
  /** The file that the parts are stored in. */
  readonly path: string;
  readonly label: string;
}

export type FromPrepareProcess =
  | { readonly type: 'share'; readonly share: number }
  /** Parts that could not be stored, one by one: a message cannot hold all those of a large model. */
  | { readonly type: 'part'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly type: 'prepared' }
  | { readonly type: 'failed'; readonly message: string };

/** Reading the weights, and preparing take about this share of the time; writing to the disk takes the rest. */
const [readShare, preparedShare] = [0.1, 0.95];

// A terminal signals the whole process group, but only the process that started this one ends it.
for (const name of stopSignals) process.on(name, () => undefined);
process.on('disconnect', () => process.exit());
process.once('message', (preparation: Preparation) => void run(preparation));

async function run(preparation: Preparation): Promise<void> {
  try {
    await prepare(preparation);
    await send({ type: 'prepared' });
  } catch (error) {
    await send({ type: 'failed', message: errorLine(error) });
  }
  process.exit();
}

async function prepare({ model, path, label }: Preparation): Promise<void> {
  const weights = await readWeights(model, partOf(onShare, 0, readShare));
  const { bytes } = await prepareInt8(weights, model.tokenizer, partOf(onShare, readShare, preparedShare));
  if (await storeParts(path, bytes, label, partOf(onShare, preparedShare, 1))) return;
  for (const [name, part] of bytes) await send({ type: 'part', name, bytes: part });
}

const onShare = (share: number): void => void send({ type: 'share', share });

/** Waits until the message is written: the next one may be as large, and the end of the process would lose it. */
async function send(message: FromPrepareProcess): Promise<void> {
  await new Promise((resolve) => process.send?.(message, undefined, undefined, resolve));
}
