import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';

export interface Tokenizer {
  /**
   * Token ids of a prompt, the same as transformers.js's text-generation pipeline gives its model. The name of a special token in the
   * text ("<|endoftext|>") becomes that token, as everywhere in Hugging Face's libraries: a base model gives it no power.
   */
  encode(text: string): number[];
  /** Text of token ids, without special tokens and with every space the model wrote. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[]): string;
}

interface TokenizerConfig {
  readonly add_bos_token?: boolean;
  readonly add_eos_token?: boolean;
}

/**
 * @param record  tokenizer.json and tokenizer_config.json as `{tokenizer, config}` in JSON: `ModelRecord.tokenizer`
 * @throws {SyntaxError | TypeError} when the record is no tokenizer
 */
export function createTokenizer(record: string): Tokenizer {
  const { tokenizer: model, config } = JSON.parse(record) as { tokenizer: object; config: TokenizerConfig };
  const tokenizer = new HuggingFaceTokenizer(model, config);
  const encodeOptions = { add_special_tokens: config.add_bos_token === true || config.add_eos_token === true };
  // A clean-up of spaces would change text that has already been streamed.
  const decodeOptions = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
  return {
    encode: (text) => tokenizer.encode(text, encodeOptions).ids,
    // The library refuses an empty list.
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], decodeOptions)),
  };
}
