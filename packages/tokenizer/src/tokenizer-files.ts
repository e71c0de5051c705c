/** The files of a tokenizer, with the meaning that Hugging Face's transformers 5 gives them. */
import type { StepJson } from './text-steps.ts';

interface NamedToken {
  readonly content: string;
  readonly [setting: string]: unknown;
}

export interface AddedToken extends NamedToken {
  readonly id: number;
  readonly special?: boolean;
}

/** The index of a token is its id. */
type Scored = readonly (readonly [token: string, score: number])[];

export interface TokenizerJson {
  readonly model: {
    readonly vocab?: Readonly<Record<string, number>> | Scored;
    readonly unk_token?: string | null;
    readonly [setting: string]: unknown;
  };
  readonly added_tokens?: readonly AddedToken[];
  readonly normalizer?: StepJson | null;
  readonly pre_tokenizer?: StepJson | null;
  readonly decoder?: StepJson | null;
  readonly [section: string]: unknown;
}

export interface TokenizerConfig {
  readonly added_tokens_decoder?: Readonly<Record<string, NamedToken>>;
  readonly [setting: string]: unknown;
}

/** The content of `ModelRecord.tokenizer`, which is JSON. */
export interface TokenizerRecord {
  /** tokenizer.json */
  readonly tokenizer: TokenizerJson;
  /** tokenizer_config.json, merged with special_tokens_map.json where that applies. */
  readonly config: TokenizerConfig;
  /** The size of the model's vocabulary: every id of the model is below it. Missing in records of older workers. */
  readonly vocabularySize?: number | undefined;
}

const namedTokens = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const tokenLists = ['additional_special_tokens', 'extra_special_tokens'];

/** The text of a token that is given as text or as an object with settings. */
export const contentOf = (token: unknown): string | undefined =>
  typeof token === 'string' ? token : (token as Partial<NamedToken> | null | undefined)?.content;

/**
 * Returns the added tokens of both files and every token with a role in tokenizer_config.json. A token with a role is
 * special even if tokenizer.json lists it as a plain token. Tokens without an id are left out: no model has them.
 */
export function addedTokensOf(
  { model, added_tokens: added = [] }: TokenizerJson,
  config: TokenizerConfig,
): AddedToken[] {
  const tokens = new Map(added.map((token) => [token.content, token]));
  for (const [id, token] of Object.entries(config.added_tokens_decoder ?? {})) {
    const { content } = token;
    if (!tokens.has(content)) tokens.set(content, { ...token, id: idInVocabulary(model.vocab, content) ?? Number(id) });
  }
  const lists = tokenLists.flatMap((name) => Object.values(config[name] ?? {}));
  for (const token of [...namedTokens.map((name) => config[name]), ...lists]) {
    const content = contentOf(token);
    if (content === undefined) continue;
    const known = tokens.get(content);
    const id = known?.id ?? idInVocabulary(model.vocab, content);
    if (id !== undefined) tokens.set(content, { normalized: false, ...known, content, id, special: true });
  }
  return [...tokens.values()];
}

function idInVocabulary(vocabulary: TokenizerJson['model']['vocab'] = {}, token: string): number | undefined {
  if (!isList(vocabulary)) return Object.hasOwn(vocabulary, token) ? vocabulary[token] : undefined;
  const index = vocabulary.findIndex(([content]) => content === token);
  return index === -1 ? undefined : index;
}

/** Whether the vocabulary is a list of tokens with scores, like that of a Unigram model. */
const isList = (vocabulary: NonNullable<TokenizerJson['model']['vocab']>): vocabulary is Scored =>
  Array.isArray(vocabulary);
