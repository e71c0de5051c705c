/** The shipped model's tokenizer, cut down to a small vocabulary. */
import { readFile } from 'node:fs/promises';

export interface TokenizerFiles {
  readonly 'tokenizer.json': Readonly<Record<string, unknown>>;
  readonly 'tokenizer_config.json': Readonly<Record<string, unknown>>;
}

interface ByteLevelBpe {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
}

const shippedFile = async (name: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(new URL(`../../../../models/tiny-tales/${name}`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;

/**
 * Id 0 is <|endoftext|>, ids 1 to 256 are the bytes, and the others are merges in the order of their ids.
 * @param vocabulary  The number of tokens, 257 to 4,096.
 */
export async function byteTokenizer(vocabulary: number): Promise<TokenizerFiles> {
  const tokenizer = await shippedFile('tokenizer.json');
  const model = tokenizer['model'] as ByteLevelBpe;
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([, id]) => id < vocabulary));
  const merges = model.merges.filter(([left, right]) => left + right in vocab);
  return {
    'tokenizer.json': { ...tokenizer, model: { ...model, vocab, merges } },
    'tokenizer_config.json': await shippedFile('tokenizer_config.json'),
  };
}
