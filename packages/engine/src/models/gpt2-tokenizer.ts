/** Converts the two files of GPT-2's original tokenizer, vocab.json and merges.txt, to a tokenizer.json. */
import { isObject, type JsonFile, type JsonObject } from './model-json.ts';
import { refuse } from './model-refusals.ts';

export interface Gpt2TokenizerFiles {
  readonly vocab: JsonFile;
  readonly merges: { readonly file: string; readonly text: string };
  /** The fields of tokenizer_config.json; may be empty. */
  readonly config: JsonObject;
  /** The ids of added_tokens.json, by token. */
  readonly added: JsonObject;
}

type Vocabulary = Readonly<Record<string, number>>;

type AddedToken = JsonObject & { readonly id: number; readonly content: string };

/** The flags of an added token that specifies none. */
const plainToken = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false } as const;

const endOfText = '<|endoftext|>';
export const gpt2SpecialTokens = { bos_token: endOfText, eos_token: endOfText, unk_token: endOfText } as const;

/**
 * @throws {AppError} `engine_unavailable` when the files are not such a tokenizer
 * @see transformers' GPT2Tokenizer and GPT2Converter
 */
export function gpt2TokenizerOf({ vocab, merges, config, added }: Gpt2TokenizerFiles): JsonObject {
  if (!Object.values(vocab.fields).every(Number.isSafeInteger)) {
    throw refuse('tokenizer', { file: vocab.file, reason: 'an id is not a whole number' });
  }
  const vocabulary = vocab.fields as Vocabulary;
  const addPrefixSpace = config['add_prefix_space'] === true;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true };
  const addedTokens = addedTokensOf(vocabulary, config, added);
  return {
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: beginOfText(config, addedTokens) ?? { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: { type: 'BPE', vocab: vocabulary, merges: mergesOf(merges, vocabulary), unk_token: null, fuse_unk: false },
  };
}

function mergesOf({ file, text }: Gpt2TokenizerFiles['merges'], vocabulary: Vocabulary): readonly string[][] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line === '' || line.startsWith('#version')) return [];
    const pair = line.split(' ');
    const isMerge = pair.length === 2 && [...pair, pair.join('')].every((token) => Object.hasOwn(vocabulary, token));
    if (!isMerge) throw refuse('merges', { file, line: index + 1 });
    return [pair];
  });
}

/** The listed added tokens and the special tokens. A special token that the vocabulary lacks gets the next free id. */
function addedTokensOf(vocabulary: Vocabulary, config: JsonObject, added: JsonObject): readonly AddedToken[] {
  const ids = new Map<string, number>(Object.entries(vocabulary));
  const tokens = new Map<string, AddedToken>();
  const add = (content: string, id: number, flags: JsonObject): void => {
    ids.set(content, id);
    tokens.set(content, { ...plainToken, ...flags, id, content });
  };
  for (const [id, fields] of Object.entries(objectOf(config['added_tokens_decoder']))) {
    const content = contentOf(fields);
    if (content !== null) add(content, Number(id), objectOf(fields));
  }
  for (const [content, id] of Object.entries(added)) {
    if (!tokens.has(content)) add(content, Number(id), {});
  }
  for (const content of specialTokensOf(config)) {
    const id = ids.get(content) ?? [...ids.values()].reduce((highest, other) => Math.max(highest, other), -1) + 1;
    add(content, id, { normalized: false, ...tokens.get(content), special: true });
  }
  return [...tokens.values()].toSorted((a, b) => a.id - b.id);
}

function specialTokensOf(config: JsonObject): ReadonlySet<string> {
  const more = config['additional_special_tokens'];
  const values = [
    ...['bos_token', 'eos_token', 'unk_token', 'pad_token'].map((name) => config[name]),
    ...(Array.isArray(more) ? (more as unknown[]) : []),
  ];
  return new Set(values.map(contentOf).filter((content) => content !== null));
}

/** The text of a token, which may be given as text or as an object. */
function contentOf(token: unknown): string | null {
  const content = isObject(token) ? token['content'] : token;
  return typeof content === 'string' ? content : null;
}

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** The template that puts the beginning-of-text token before a prompt; null unless the configuration asks for it. */
function beginOfText(config: JsonObject, addedTokens: readonly AddedToken[]): JsonObject | null {
  const content = contentOf(config['bos_token']);
  const token = addedTokens.find((candidate) => candidate.content === content);
  if (config['add_bos_token'] !== true || token === undefined) return null;
  const begin = { SpecialToken: { id: token.content, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [begin, sequence('A', 0)],
    pair: [begin, sequence('A', 0), begin, sequence('B', 1)],
    special_tokens: { [token.content]: { id: token.content, ids: [token.id], tokens: [token.content] } },
  };
}

const sequence = (id: string, type: number): JsonObject => ({ Sequence: { id, type_id: type } });
