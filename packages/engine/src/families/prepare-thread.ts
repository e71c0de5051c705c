/** The entry point of the thread that prepares a model in int8. The memory that this takes is free when it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PartBytes } from '../decoder/model-parts.ts';
import { prepareInt8 } from '../int8/prepare-int8.ts';
import { storeParts } from '../int8/stored-parts.ts';
import { partOf } from '../load-progress.ts';
import type { DecoderModel } from './open-decoder.ts';
import { readGpt2Weights } from './gpt2/read-gpt2-weights.ts';

export interface PrepareData {
  readonly model: DecoderModel;
  /** The file that the parts are stored in. */
  readonly path: string;
  readonly label: string;
}

export type FromPrepareThread =
  | { readonly type: 'share'; readonly share: number }
  /** `bytes`: the parts, if they could not be stored. */
  | { readonly type: 'prepared'; readonly bytes: PartBytes | null };

/** Reading the weights, and preparing take about this share of the time; writing to the disk takes the rest. */
const [readShare, preparedShare] = [0.1, 0.95];

const { model, path, label } = workerData as PrepareData;
const send = (message: FromPrepareThread): void => parentPort?.postMessage(message);
const onShare = (share: number): void => send({ type: 'share', share });

const weights = await readGpt2Weights(model, partOf(onShare, 0, readShare));
const { bytes } = await prepareInt8(weights, model.tokenizer, partOf(onShare, readShare, preparedShare));
const isStored = await storeParts(path, bytes, label, partOf(onShare, preparedShare, 1));
send({ type: 'prepared', bytes: isStored ? null : bytes });
