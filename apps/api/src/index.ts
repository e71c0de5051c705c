/** @module The API as a part, for whoever builds it with its adapters. */
export { accessOf, announceAccess, warnWithoutKeys } from './access.ts';
export { type Api, type ApiOptions, createApi } from './create-api.ts';
export { type ApiConfig, apiConfigSchema } from './config.ts';
export { wrongValuesOf } from './on-error.ts';
export { type ApiServer, startServer } from './server.ts';
export { toSamplingParameters } from './wire/to-sampling-parameters.ts';
