/** The names of the served model, as clients of OpenAI's API know it. */
import { AppError, type ModelIdentity } from '@prosemill/core';

/**
 * Workers name a model by the last part of its id, so a client may write any owner. While no model is known, every name
 * passes: jobs wait for a worker whatever their model is called.
 * @throws {AppError} `model_not_found`
 */
export function requireModel(model: ModelIdentity | null, name: string): void {
  if (model === null || isServed(model, name)) return;
  throw modelNotFound(name, model);
}

export const isServed = (model: ModelIdentity | null, name: string): boolean =>
  model !== null && name.slice(name.lastIndexOf('/') + 1) === model.name;

export function modelNotFound(name: string, model: ModelIdentity | null): AppError {
  const served = model === null ? 'No worker has a model yet.' : `This service runs ${model.name}.`;
  const errors = [
    { pointer: '/model', detail: `${JSON.stringify(name.slice(0, 64))} does not exist. ${served}`, code: 'custom' },
  ];
  return new AppError('model_not_found', { message: `The model does not exist. ${served}`, details: { errors } });
}
