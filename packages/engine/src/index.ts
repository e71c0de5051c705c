/** Text generation on the CPU: implements core's port `TextGenerator`. */
export { createTextGenerator, type TextGeneratorOptions } from './worker/create-text-generator.ts';
