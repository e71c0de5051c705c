/**
 * Every layout of a GPT-2 model that is supported in a folder or on the hub, and the reasons why others are refused.
 */
import { mkdir, readFile, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gpt2FolderOptions, smallGpt2Config, startHubServer } from '@prosemill/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ModelRefusal, modelRefusals } from './model-refusals.ts';
import { createTestFolders } from './test-folders.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';

const shipped = fileURLToPath(new URL('../../../../models/tiny-tales', import.meta.url));
const shippedTokenizer = join(shipped, 'tokenizer.json');

const folders = createTestFolders();
const { write, run } = folders;

const without = (...names: (keyof typeof smallGpt2Config)[]): Readonly<Record<string, undefined>> =>
  Object.fromEntries(names.map((name) => [name, undefined]));

const { n_layer, n_head, n_embd, n_positions, ...unsized } = smallGpt2Config;
const renamed = {
  num_hidden_layers: n_layer,
  num_attention_heads: n_head,
  hidden_size: n_embd,
  max_position_embeddings: n_positions,
};

let plain: Promise<string> | undefined;
/** The text of the model that all layouts hold, which is written once. */
async function plainText(): Promise<string> {
  plain ??= write('plain').then(async (folder) => (await run(folder)).text);
  return await plain;
}

describe('the same model gives the same text', () => {
  it.each<[string, Gpt2FolderOptions]>([
    ['with gelu_pytorch_tanh', { config: { activation_function: 'gelu_pytorch_tanh' } }],
    ['with gelu_fast', { config: { activation_function: 'gelu_fast' } }],
    ['with no activation_function', { config: without('activation_function') }],
    ['with no epsilon', { config: without('layer_norm_epsilon') }],
    ['with no model_type', { config: without('model_type') }],
    ['with the general names of sizes', { files: { 'config.json': { ...unsized, ...renamed } } }],
    [
      'with both names of sizes, of which the general one wins',
      { files: { 'config.json': { ...renamed, ...unsized, n_embd: 8 } } },
    ],
    ['in 3 shards', { shards: 3 }],
    ['without tokenizer_config.json', { files: { 'tokenizer_config.json': null } }],
    ['without generation_config.json', { files: { 'generation_config.json': null } }],
    [
      'with NaN and Infinity as Python writes them',
      {
        files: {
          'config.json': JSON.stringify({ ...smallGpt2Config, note: 'NaN, "Infinity" and \\' }).replace(
            '{',
            '{"attn_pdrop": NaN, "resid_pdrop":-Infinity,"more":[Infinity,NaN],',
          ),
        },
      },
    ],
    ['with tensor names without the prefix', { tensorPrefix: '' }],
    ['in float64', { dtype: 'F64' }],
    ['with a head that is stored beside the token table', { head: 'same' }],
    ['with a head that is stored instead of the token table', { head: 'only' }],
    ['with such a head and tensor names without the prefix', { head: 'only', tensorPrefix: '' }],
    [
      'with byte order marks in its files',
      {
        files: {
          'config.json': `\uFEFF${JSON.stringify(smallGpt2Config)}`,
          'generation_config.json': '\uFEFF{"eos_token_id": 0}',
        },
      },
    ],
  ])('%s', async (_name, options) => {
    expect((await run(await write('model', options))).text).toBe(await plainText());
  });

  it.each(['F16', 'BF16'] as const)('in %s, except for rounding', async (dtype) => {
    const { ending } = await run(await write('model', { dtype }));
    expect(ending?.reason).not.toBe('error');
  });

  it('on the hub, in shards', async () => {
    const text = await plainText();
    const folder = await write('sharded', { shards: 3, files: { 'tokenizer_config.json': null } });
    const hub = await startHubServer({ repositories: { 'acme/sharded': folder }, commit });
    onTestFinished(async () => await hub.stop());
    hub.breakNext('model-00002-of-00003.safetensors', 'cut', 1);
    expect((await run('acme/sharded', { hubEndpoint: hub.url })).text).toBe(text);
    await hub.stop();
    expect((await run('acme/sharded', { hubEndpoint: hub.url })).text).toBe(text);
  });

  it.each(['a n\u00e1me #1 %25 ?', 'gpt2--copy', 'model.git'])(
    'with transformers in a folder named %s',
    async (name) => {
      const folder = join(folders.modelDir, name);
      await symlink(shipped, folder);
      const { loaded, text } = await run(folder, { engine: 'transformers' });
      expect(loaded?.identity.name).toBe(name);
      expect(text).toBe((await run(shipped, { engine: 'batched' })).text);
    },
  );
});

it('missing fields have the defaults of GPT2Config', async () => {
  const left = without('n_layer', 'n_head', 'n_positions', 'eos_token_id');
  const folder = await write('defaults', {
    config: { ...left, n_embd: 24 },
    files: { 'generation_config.json': null },
  });
  const { loaded } = await run(folder);
  expect(loaded?.record.contextLength).toBe(1024);
});

const config = (fields: Readonly<Record<string, unknown>>): Gpt2FolderOptions => ({
  files: { 'config.json': { ...smallGpt2Config, ...fields } },
});
const file = (name: string, content: NonNullable<Gpt2FolderOptions['files']>[string]): Gpt2FolderOptions => ({
  files: { [name]: content },
});
const indexOf = (map: unknown): Gpt2FolderOptions => ({
  files: { 'model.safetensors': null, 'model.safetensors.index.json': { weight_map: map } },
});
const weightsIn = (name: string): Gpt2FolderOptions => ({ files: { 'model.safetensors': null, [name]: 'x' } });

const refusedFolders: [ModelRefusal, string, Gpt2FolderOptions][] = [
  ['missing-file', 'has no config.json', file('config.json', null)],
  ['missing-file', 'has no tokenizer.json', file('tokenizer.json', null)],
  ['not-json', 'config.json is not JSON', file('config.json', '{"model_type": "gpt2",}')],
  ['not-json', 'config.json is not JSON', file('config.json', '')],
  ['not-json', 'generation_config.json is not JSON', file('generation_config.json', "{'eos_token_id': 0}")],
  ['not-json', 'tokenizer.json is not JSON', file('tokenizer.json', '{')],
  ['not-json', 'tokenizer_config.json is not JSON', file('tokenizer_config.json', 'NaN NaN')],
  ['not-an-object', 'config.json holds a list', file('config.json', '[]')],
  ['not-an-object', 'tokenizer.json holds "a"', file('tokenizer.json', '"a"')],
  [
    'adapter',
    'is an adapter to the model "acme/base"',
    file('adapter_config.json', '{"base_model_name_or_path": "acme/base"}'),
  ],
  ['size', 'config.json: n_head is 0', config({ n_head: 0 })],
  ['size', 'config.json: n_embd is -16', config({ n_embd: -16 })],
  ['size', 'config.json: n_layer is 1.5', config({ n_layer: 1.5 })],
  ['size', 'config.json: vocab_size is "512"', config({ vocab_size: '512' })],
  ['size', 'config.json: n_positions is null', config({ n_positions: null })],
  ['size', 'config.json: hidden_size is 0', config({ hidden_size: 0 })],
  ['size', 'config.json: n_inner is 0', config({ n_inner: 0 })],
  ['size', 'config.json: n_head is NaN', file('config.json', '{"model_type": "gpt2", "n_head": NaN}')],
  ['epsilon', 'layer_norm_epsilon is "1e-5"', config({ layer_norm_epsilon: '1e-5' })],
  ['epsilon', 'layer_norm_epsilon is -1', config({ layer_norm_epsilon: -1 })],
  ['field', 'activation_function is null, but text is expected', config({ activation_function: null })],
  ['field', 'tie_word_embeddings is "no", but true or false is expected', config({ tie_word_embeddings: 'no' })],
  ['heads-do-not-fit', 'n_head is 3, which does not divide n_embd, 16', config({ n_head: 3 })],
  [
    'end-of-text',
    'generation_config.json: eos_token_id is "0"',
    file('generation_config.json', '{"eos_token_id": "0"}'),
  ],
  ['activation', 'activation_function is "silu"', config({ activation_function: 'silu' })],
  ['activation', 'activation_function is "toString"', config({ activation_function: 'toString' })],
  ['missing-tensor', 'has no tensor lm_head.weight', config({ tie_word_embeddings: false })],
  ['no-weights', 'has neither model.safetensors nor', file('model.safetensors', null)],
  ['other-weights', 'has its weights in pytorch_model.bin only', weightsIn('pytorch_model.bin')],
  ['other-weights', 'has its weights in tf_model.h5 only', weightsIn('tf_model.h5')],
  ['shard-index', 'index.json has no weight_map', indexOf([])],
  ['shard-index', 'index.json has no weight_map', indexOf({})],
  ['shard-name', 'names "../model.safetensors"', indexOf({ a: '../model.safetensors' })],
  ['shard-name', 'names "/etc/a.safetensors"', indexOf({ a: '/etc/a.safetensors' })],
  ['shard-name', 'names "a/../../b.safetensors"', indexOf({ a: 'a/../../b.safetensors' })],
  ['shard-name', 'names "a.bin"', indexOf({ a: 'a.bin' })],
  ['shard-name', 'names 7', indexOf({ a: 7 })],
  ['missing-shard', 'names b.safetensors, which is not there', indexOf({ a: 'b.safetensors' })],
  ['not-safetensors', 'model.safetensors is not a safetensors file', file('model.safetensors', 'no')],
  ['missing-tensor', 'has no tensor transformer.h.2.ln_1.weight', config({ n_layer: 3 })],
  [
    'tensor-shape',
    'wpe.weight has the shape [128, 16], but config.json makes it [64, 16]',
    config({ n_positions: 64 }),
  ],
  ['tensor-shape', 'c_fc.weight has the shape [16, 64], but config.json makes it [16, 32]', config({ n_inner: 32 })],
  ['tokenizer', 'tokenizer.json is not a tokenizer', file('tokenizer.json', '{}')],
  ['too-many-tokens', 'tokenizer.json has 512 tokens, but the model has 500 embeddings', config({ vocab_size: 500 })],
  [
    'missing-merges',
    'has vocab.json but no merges.txt',
    { files: { 'tokenizer.json': null, 'vocab.json': '{"a": 0}' } },
  ],
  [
    'merges',
    'merges.txt: line 2 is not',
    { files: { 'tokenizer.json': null, 'vocab.json': '{"a": 0}', 'merges.txt': '#version: 0.2\na b' } },
  ],
  [
    'merges',
    'merges.txt: line 1 is not',
    { files: { 'tokenizer.json': null, 'vocab.json': '{"to": 0, "String": 1}', 'merges.txt': 'to String' } },
  ],
  [
    'tokenizer',
    'vocab.json is not a tokenizer',
    { files: { 'tokenizer.json': null, 'vocab.json': '{"a": "0"}', 'merges.txt': '' } },
  ],
  ['no-onnx', 'has no onnx/model.onnx, which the engine transformers needs', config({ model_type: 'llama' })],
  ['other-family', 'model_type is "llama", and the engine batched runs gpt2 only', config({ model_type: 'llama' })],
  ['other-family', 'model_type is missing', config({ model_type: undefined, architectures: undefined })],
];

describe('a folder is refused with the reason', () => {
  it.each(refusedFolders)('%s: %s', async (refusal, words, options) => {
    const folder = await write('refused', options);
    const error: unknown = await run(folder).catch((thrown: unknown) => thrown);
    const message = error instanceof Error ? error.message : 'it runs';
    expect(message).toContain(words);
    expect(message).toContain(folder);
    expect(message).toMatch(patternOf(refusal));
    if (!['no-onnx', 'other-family'].includes(refusal)) expect(message).not.toContain('onnx');
  });

  it('when its weights are cut off', async () => {
    const folder = await write('refused');
    await truncate(join(folder, 'model.safetensors'), 20_000);
    await expect(run(folder)).rejects.toThrow(patternOf('cut-off'));
  });

  it('when its weights cannot be read', async () => {
    const folder = await write('refused', file('model.safetensors', null));
    await mkdir(join(folder, 'model.safetensors'));
    await expect(run(folder)).rejects.toThrow(patternOf('unreadable-file'));
  });

  it('also on the hub', async () => {
    const repositories = { 'acme/silu': await write('silu', config({ activation_function: 'silu' })) };
    const hub = await startHubServer({ repositories, commit });
    onTestFinished(async () => await hub.stop());
    await expect(run('acme/silu', { hubEndpoint: hub.url })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^config\.json of acme\/silu at main: activation_function is "silu"/) },
    });
  });
});

/** The pattern of a refusal's message. */
function patternOf(refusal: ModelRefusal): RegExp {
  const parts = modelRefusals[refusal].split(/\{\w+\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.+'));
}

it('a tokenizer may have more tokens than the model if all extra tokens are added tokens', async () => {
  const tokenizer = JSON.parse(await readFile(shippedTokenizer, 'utf8')) as {
    readonly added_tokens: readonly object[];
  };
  const added = { ...tokenizer.added_tokens[0], id: 4_096, content: '<pad>' };
  const folder = await write('added', {
    config: { vocab_size: 4_096 },
    files: { 'tokenizer.json': { ...tokenizer, added_tokens: [...tokenizer.added_tokens, added] } },
  });
  expect((await run(folder)).ending?.reason).not.toBe('error');
});
