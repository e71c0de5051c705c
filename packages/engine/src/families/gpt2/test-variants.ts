/** The variants of GPT-2, as small models. `test-data` of this package has what transformers computes for each. */
import type { Gpt2FolderOptions } from '@prosemill/testkit';

const sizes = { n_embd: 48, n_head: 3, vocab_size: 301, n_positions: 70 };
/** With most seeds a greedy text is one token over and over. */
const seed = 35;
const withSizes = (options: Gpt2FolderOptions): Gpt2FolderOptions => ({
  ...options,
  seed,
  config: { ...sizes, ...options.config },
});

const everything = {
  n_layer: 3,
  n_embd: 45,
  n_head: 5,
  n_inner: 77,
  activation_function: 'relu',
  scale_attn_weights: false,
  scale_attn_by_inverse_layer_idx: true,
  tie_word_embeddings: false,
};

export const variants: ReadonlyMap<string, Gpt2FolderOptions> = new Map(
  Object.entries<Gpt2FolderOptions>({
    'as it usually is': {},
    'with gelu': { config: { activation_function: 'gelu' } },
    'with relu': { config: { activation_function: 'relu' } },
    'with a head of its own': { config: { tie_word_embeddings: false }, head: 'other' },
    'with a head of its own that config.json does not mention': { head: 'other' },
    'with unscaled attention': { config: { scale_attn_weights: false } },
    'with attention scaled by layer': { config: { scale_attn_by_inverse_layer_idx: true } },
    'with heads of an odd width': { config: { n_embd: 45, n_head: 5 } },
    'with a single head of 7': { config: { n_embd: 7, n_head: 1, n_inner: 19 } },
    'in float16': { dtype: 'F16' },
    'with all of this': { config: everything, head: 'other', dtype: 'F16' },
  }).map(([name, options]) => [name, withSizes(options)]),
);
