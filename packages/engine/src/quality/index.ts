/** @module The quality gate. Apart from the engine, because it runs the model in the process that asks. */
export { keepOneGraph, measureQuality, type MeasuredQuality } from './measure-quality.ts';
export { defaultDtypeOf, type QualityReport, storeQualityReport } from './quality-report.ts';
