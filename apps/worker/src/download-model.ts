/** Downloads the model into MODEL_DIR and loads it once: for images, whose containers then start without a network. */
import { exitWith, readArguments } from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createLogger } from '@prosemill/telemetry';
import { engineOptions, readWorkerConfig } from './config.ts';

async function downloadModel(): Promise<void> {
  readArguments({ options: {} }, 'usage: node apps/worker/src/download-model.ts  (MODEL names the model)');
  const config = readWorkerConfig();
  const logger = createLogger({ name: 'download-model', level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
  const generator = createTextGenerator({ ...engineOptions(config), logger });
  await generator.start();
  logger.info({ model: generator.model?.identity }, 'the model is there, and runs');
  await generator.stop();
}

await downloadModel().catch(exitWith);
