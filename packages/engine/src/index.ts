/** Text generation on the CPU: implements core's port `TextGenerator`. */
export { createTextGenerator, type TextGeneratorOptions } from './create-text-generator.ts';
