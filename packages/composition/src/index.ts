/** @module The part of the composition root that all processes share: their configuration keys and their adapters. */
export { commonConfig, httpUrl, oneLine, wholeNumber, wordList } from './config.ts';
export { type Adapters, openAdapters } from './open-adapters.ts';
