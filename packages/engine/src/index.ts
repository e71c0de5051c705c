/** Text generation on the CPU: the port `TextGenerator` of core. */
export { createTextGenerator, type TextGeneratorOptions } from './create-text-generator.ts';
