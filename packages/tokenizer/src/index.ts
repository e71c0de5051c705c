/** Text to token ids and back, for every tokenizer that Hugging Face's tokenizer.json describes. */
export { createTokenizer, type Tokenizer, type TokenKind } from './tokenizer.ts';
export { Detokenizer } from './detokenizer.ts';
