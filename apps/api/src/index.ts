/** @module The API, for processes that bring its adapters. */
export { announceAccess, warnWithoutKeys } from './auth/access.ts';
export { apiOptions } from './api-options.ts';
export { type Api, type ApiOptions, createApi } from './create-api.ts';
export { type ApiConfig, apiConfigSchema } from './config.ts';
export { createFindPage } from './page/find-page.ts';
export { type ApiServer, startServer } from './http/server.ts';
