import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { AppError } from '@prosemill/core';
import { createDecoder } from './decoder.ts';
import { normalizerFor, preTokenizerFor } from './text-steps.ts';
import { addedTokensOf, contentOf, type TokenizerRecord } from './tokenizer-files.ts';

/**
 * `open`: the text of the token may change when more tokens follow. `hidden`: a special token, which has no text, or an
 * id without a token, as in a model with a padded embedding. `plain`: any other.
 */
export type TokenKind = 'plain' | 'open' | 'hidden';

export interface Tokenizer {
  /**
   * Encodes a prompt to the same ids as Hugging Face's text-generation pipeline, with the special tokens of the
   * post-processor in tokenizer.json, which may end the text. The name of a special token in the text ("<|endoftext|>")
   * becomes that token, as everywhere in Hugging Face's libraries; for a base model this is harmless. A text that has
   * no tokens becomes the beginning-of-text token.
   * @returns at least one id; each is a token of the model
   * @throws {AppError} `invalid_request` when the tokenizer has no token for the text or a part of it, or one that the
   *   model does not have
   */
  encode(text: string): number[];
  /** Decodes ids to text, without hidden tokens and with all spaces. Bytes that are not UTF-8 become U+FFFD. */
  decode(ids: readonly number[]): string;
  kindOf(id: number): TokenKind;
}

/**
 * @param record  `ModelRecord.tokenizer`
 * @throws {SyntaxError | TypeError} when the record is not a tokenizer
 */
export function createTokenizer(record: string): Tokenizer {
  const { tokenizer, config, vocabularySize } = JSON.parse(record) as TokenizerRecord;
  requireKnownModel(tokenizer.model);
  const json = {
    ...optionalSections,
    ...tokenizer,
    normalizer: tokenizer.normalizer == null ? null : normalizerFor(tokenizer.normalizer),
    pre_tokenizer: tokenizer.pre_tokenizer == null ? null : preTokenizerFor(tokenizer.pre_tokenizer),
    added_tokens: addedTokensOf(tokenizer, config),
  };
  // The library reads a WordLevel model's unknown token from the config, but it is in tokenizer.json.
  const library = new HuggingFaceTokenizer(json, { ...config, unk_token: json.model.unk_token });
  const decoder = createDecoder(json.decoder, library.decoder);
  const special = new Set(json.added_tokens.filter((token) => token.special === true).map(({ id }) => id));
  const visibleToken = (id: number): string | undefined => (special.has(id) ? undefined : library.id_to_token(id));
  const firstId = library.token_to_id(contentOf(config['bos_token']) ?? '');
  return {
    encode(text) {
      const ids: readonly (number | undefined)[] = library.encode(text).ids;
      return checkIds(ids.length === 0 ? [firstId].filter(isId) : ids, vocabularySize);
    },
    decode: (ids) => decoder.decode(ids.flatMap((id) => visibleToken(id) ?? [])),
    kindOf(id) {
      const token = visibleToken(id);
      if (token === undefined) return 'hidden';
      return decoder.isOpen(token) ? 'open' : 'plain';
    },
  };
}

/** Sections that the library requires and a tokenizer may lack. */
const optionalSections = { post_processor: null, decoder: null };

/** Refuses a prefix, because the library would ignore it and give other tokens. */
function requireKnownModel({
  type,
  continuing_subword_prefix: prefix = '',
}: TokenizerRecord['tokenizer']['model']): void {
  if (type === 'BPE' && prefix !== null && prefix !== '') {
    throw new TypeError('a BPE model with continuing_subword_prefix is not known');
  }
}

const isId = (id: number | undefined): id is number => id !== undefined && Number.isInteger(id) && id >= 0;

function checkIds(ids: readonly (number | undefined)[], vocabularySize = Number.POSITIVE_INFINITY): number[] {
  if (ids.length === 0) {
    throw refused(
      'no tokens: the tokenizer of the model drops all of its characters, and has no beginning-of-text token to put in their place',
    );
  }
  return ids.map((id) => {
    if (!isId(id)) {
      throw refused(
        'a character that the tokenizer of the model does not know, and the tokenizer has no token for unknown ones',
      );
    }
    if (id >= vocabularySize) {
      throw refused(
        `the token ${id}, which the tokenizer has, but the model has tokens 0 to ${vocabularySize - 1} only`,
      );
    }
    return id;
  });
}

function refused(found: string): AppError {
  const errors = [{ pointer: '/prompt', detail: `has ${found}`, code: 'custom' }];
  return new AppError('invalid_request', { message: `The prompt has ${found}.`, details: { errors } });
}
