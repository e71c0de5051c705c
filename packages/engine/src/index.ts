/** Text generation on the CPU: the port `TextGenerator` of core, and getting the models it runs. */
export { createTextGenerator, type TextGeneratorOptions } from './create-text-generator.ts';
export { type ModelChoice, type ResolvedModel, resolveModel } from './models/resolve-model.ts';
