/** Converts text to token ids and back, with any tokenizer of Hugging Face's tokenizer.json. */
export { createTokenizer, type Tokenizer, type TokenKind } from './tokenizer.ts';
export { Detokenizer } from './detokenizer.ts';
