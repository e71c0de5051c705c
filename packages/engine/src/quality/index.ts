/** @module The quality gate. It is separate from the engine, because it runs the model in the calling process. */
export { keepOnlyUsed, measureQuality, type MeasuredQuality } from './measure-quality.ts';
export { defaultDtypeOf, type QualityReport, storeQualityReport } from './quality-report.ts';
