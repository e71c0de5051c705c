/** Small tokenizers that are not byte-level, in Hugging Face's file formats. */
import type { TokenizerFiles } from './byte-tokenizer.ts';

type Json = Readonly<Record<string, unknown>>;

/** Replaces sections of tokenizer.json and fields of tokenizer_config.json. */
export interface TokenizerChanges {
  readonly tokenizer?: Json;
  readonly config?: Json;
}

const begin = '<s>';
const end = '</s>';
const letters = Array.from('abcdefghijklmnopqrstuvwxyz');
const words = ['once', 'upon', 'a', 'time', 'there', 'was', 'king'];
const space = '\u2581';

/** The id of a token is its index in the list. */
const vocabularyOf = (tokens: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

const special = (content: string, id: number): Json => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const bpe = (tokens: readonly string[], changes: Json = {}): Json => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: true,
  vocab: vocabularyOf(tokens),
  merges: [],
  ...changes,
});

/** The first two tokens, <s> and </s>, are special. */
function filesOf(sections: Json, { tokenizer, config }: TokenizerChanges): TokenizerFiles {
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [special(begin, 0), special(end, 1)],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      ...sections,
      ...tokenizer,
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      eos_token: end,
      clean_up_tokenization_spaces: false,
      ...config,
    },
  };
}

/** A token for each letter and the space. Unknown characters are dropped. Has no beginning of text. */
export const characterTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      decoder: { type: 'Fuse' },
      model: bpe([begin, end, ' ', ...letters]),
    },
    changes,
  );

/** Whole words; all other words are <unk>. */
export const wordLevelTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      pre_tokenizer: { type: 'Whitespace' },
      model: { type: 'WordLevel', vocab: vocabularyOf([begin, end, '<unk>', ...words]), unk_token: '<unk>' },
    },
    changes,
  );

/** BERT's kind: drops white space, control characters, and format characters such as the zero-width space. */
export const wordPieceTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: vocabularyOf(
          [
            begin,
            end,
            '[UNK]',
            ...words,
            ...letters,
            ...letters.map((letter) => `##${letter}`),
            '.',
            "'",
            's',
            '!',
          ].filter(isFirst),
        ),
      },
    },
    changes,
  );

/** T5's kind: a Unigram model with `▁` for spaces. */
export const metaspaceTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      pre_tokenizer: { type: 'Metaspace', replacement: space, prepend_scheme: 'always', split: true },
      decoder: { type: 'Metaspace', replacement: space, prepend_scheme: 'always', split: true },
      model: {
        type: 'Unigram',
        unk_id: 2,
        byte_fallback: false,
        vocab: [
          begin,
          end,
          '<unk>',
          space,
          `${space}${space}`,
          ...words.map((word) => space + word),
          ...letters,
          ...words,
        ]
          .filter(isFirst)
          .map((token) => [token, token.length > 1 ? -3 : -9]),
      },
    },
    changes,
  );

/** Llama 2's kind: `▁` for spaces, bytes for unknown characters, and decoders that strip the first space. */
export const byteFallbackTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles => {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  return filesOf(
    {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: space },
          { type: 'Replace', pattern: { String: ' ' }, content: space },
        ],
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: space }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: bpe(
        [begin, end, ...bytes, space, `${space}${space}`, ...words.map((word) => space + word), ...letters].filter(
          isFirst,
        ),
        {
          byte_fallback: true,
        },
      ),
    },
    changes,
  );
};

/** The first GPT's kind: marks ends of words, and the decoder turns the marks into spaces. */
export const wordEndTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      pre_tokenizer: { type: 'WhitespaceSplit' },
      decoder: { type: 'BPEDecoder', suffix: '</w>' },
      model: bpe([begin, end, '<unk>', ...letters, ...letters.map((letter) => `${letter}</w>`), '</w>', '\n</w>'], {
        unk_token: '<unk>',
        end_of_word_suffix: '</w>',
        ignore_merges: false,
      }),
    },
    changes,
  );

/** Speech recognition's kind (CTC): equal tokens in a row count once. */
export const ctcTokenizer = (changes: TokenizerChanges = {}): TokenizerFiles =>
  filesOf(
    {
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      decoder: { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true },
      model: bpe([begin, end, '<pad>', '|', "'", ' .', ...letters]),
    },
    changes,
  );

const isFirst = (token: string, index: number, tokens: readonly string[]): boolean => tokens.indexOf(token) === index;

/** Strips spaces at the start and the end of the whole text. */
const strippingDecoder = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: space }, content: ' ' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 2, stop: 1 },
  ],
};

/** Rewrites the whole text, also across tokens. */
const rewritingDecoder = {
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: space }, content: ' ' },
    { type: 'Fuse' },
    { type: 'Replace', pattern: { String: ' a' }, content: '-a' },
  ],
};

/** A tokenizer for each kind of decoder. */
export const tokenizerKinds: Readonly<Record<string, (changes?: TokenizerChanges) => TokenizerFiles>> = {
  character: characterTokenizer,
  wordLevel: wordLevelTokenizer,
  wordPiece: wordPieceTokenizer,
  metaspace: metaspaceTokenizer,
  byteFallback: byteFallbackTokenizer,
  wordEnd: wordEndTokenizer,
  ctc: ctcTokenizer,
  stripping: () => metaspaceTokenizer({ tokenizer: { decoder: strippingDecoder } }),
  rewriting: () => metaspaceTokenizer({ tokenizer: { decoder: rewritingDecoder } }),
};
