/** The engine `transformers`: transformers.js runs a model, one text at a time. */
import {
  AutoModelForCausalLM,
  env,
  GenerationConfig,
  LogitsProcessor,
  LogitsProcessorList,
  LogLevel,
  PretrainedConfig,
  type PreTrainedModel,
  StoppingCriteria,
  Tensor,
} from '@huggingface/transformers';
import { generationConfigName } from '../models/end-of-text.ts';
import { requirePromptIds } from '../sampling/prompt-ids.ts';
import type { TextRun } from '../sampling/text-run.ts';
import type { LoadMessage } from './messages.ts';
import type { ModelRunner } from './model-runner.ts';

/** @throws the error of transformers.js when it cannot run the files */
export async function loadTransformersModel({ model: described, threads }: LoadMessage): Promise<ModelRunner> {
  const { folder, dtype } = described;
  env.logLevel = LogLevel.ERROR;
  env.allowRemoteModels = false;
  env.useCustomCache = true;
  env.customCache = ownGenerationConfig;
  // An absolute path cannot be a repository id. transformers.js would take a bare folder name for one.
  const model = await AutoModelForCausalLM.from_pretrained(folder, {
    local_files_only: true,
    config: new PretrainedConfig(configOf(described)),
    dtype,
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential' },
  });
  const { vocab_size: vocabulary = Number.POSITIVE_INFINITY } = model.config as { readonly vocab_size?: number };
  let lastRun: Promise<void> = Promise.resolve();
  return {
    version: env.version,
    async run(textRun, onStart) {
      requirePromptIds(textRun.promptIds, vocabulary);
      const before = lastRun;
      const { promise, resolve } = Promise.withResolvers<void>();
      lastRun = promise;
      await before;
      try {
        if (textRun.ending !== null) return;
        onStart();
        await generate(model, textRun);
      } finally {
        resolve();
      }
    },
  };
}

async function generate(model: PreTrainedModel, textRun: TextRun): Promise<void> {
  const { promptIds, maxNewTokens } = textRun;
  const processors = new LogitsProcessorList();
  processors.push(new ChosenToken(textRun));
  await model.generate({
    inputs: int64Row(promptIds),
    attention_mask: int64Row(promptIds.map(() => 1)),
    // ChosenToken decides. Settings of config.json would change the logits before it, so every field has its default.
    generation_config: new GenerationConfig(new PretrainedConfig({})),
    max_new_tokens: maxNewTokens,
    logits_processor: processors,
    stopping_criteria: new EndOfRun(textRun),
  });
}

/**
 * Hides the folder's generation_config.json from transformers.js, so that both engines draw from the same distribution:
 * the request and its defaults define all sampling, and the run itself watches for the end of text.
 */
const ownGenerationConfig = {
  match: async (request: string) =>
    await Promise.resolve(request.endsWith(`/${generationConfigName}`) ? new Response('{}') : undefined),
  put: async () => await Promise.resolve(),
};

/** Writes GPT-2's sizes under the only names that transformers.js reads; it knows neither defaults nor other names. */
function configOf({ config, shape }: LoadMessage['model']): object {
  if (shape === null) return config;
  const { heads: n_head, layers: n_layer, width: n_embd } = shape;
  return { ...config, model_type: 'gpt2', n_head, n_layer, n_embd };
}

/** Keeps only the token that the run chooses: the sampler of transformers.js has neither top_p nor a seed per text. */
class ChosenToken extends LogitsProcessor {
  readonly #textRun: TextRun;

  constructor(textRun: TextRun) {
    super();
    this.#textRun = textRun;
  }

  override _call(_inputIds: bigint[][], logits: Tensor): Tensor {
    const row = logits.data as Float32Array;
    const id = this.#textRun.choose(row);
    row.fill(Number.NEGATIVE_INFINITY);
    row[id] = 0;
    return logits;
  }
}

class EndOfRun extends StoppingCriteria {
  readonly #textRun: TextRun;

  constructor(textRun: TextRun) {
    super();
    this.#textRun = textRun;
  }

  override _call(inputIds: number[][]): boolean[] {
    // A token that was computed before a cancel arrived is dropped.
    if (this.#textRun.ending === null) this.#textRun.append(Number(inputIds[0]?.at(-1)));
    return [this.#textRun.ending !== null];
  }
}

const int64Row = (values: readonly number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
