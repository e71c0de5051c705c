/** A model run by transformers.js, one text at a time. */
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
  StoppingCriteriaList,
  Tensor,
} from '@huggingface/transformers';
import { generationConfigName } from '../models/end-of-text.ts';
import { requirePromptIds } from '../sampling/prompt-ids.ts';
import type { TextRun } from '../sampling/text-run.ts';
import type { LoadMessage } from './messages.ts';
import type { ModelRunner } from './model-runner.ts';

/** @throws what transformers.js throws when the files are no model it can run */
export async function loadTransformersModel({ model: described, threads }: LoadMessage): Promise<ModelRunner> {
  const { folder, dtype } = described;
  env.logLevel = LogLevel.ERROR;
  env.allowRemoteModels = false;
  env.useCustomCache = true;
  env.customCache = ownGenerationConfig;
  // The whole path, which cannot be the id of a repository: the name of a folder alone is looked for where such ids are, if it is like one.
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
  const criteria = new StoppingCriteriaList();
  criteria.push(new EndOfRun(textRun));
  await model.generate({
    inputs: int64(promptIds, [1, promptIds.length]),
    attention_mask: int64(
      Array.from(promptIds, () => 1),
      [1, promptIds.length],
    ),
    // The processor below has the say. Whatever config.json asks for would come before it, so every field has its default.
    generation_config: new GenerationConfig(new PretrainedConfig({})),
    max_new_tokens: maxNewTokens,
    logits_processor: processors,
    stopping_criteria: criteria,
  });
}

/**
 * Stands before the folder's generation_config.json: a request and its defaults say all about sampling, and the end of text is watched by
 * the run, so that both engines draw from the same distribution.
 */
const ownGenerationConfig = {
  match: async (request: string) =>
    await Promise.resolve(request.endsWith(`/${generationConfigName}`) ? new Response('{}') : undefined),
  put: async () => await Promise.resolve(),
};

/** GPT-2's sizes as transformers.js looks for them: it knows neither the defaults nor the other names that config.json may rely on. */
function configOf({ config, shape }: LoadMessage['model']): object {
  if (shape === null) return config;
  const { heads: n_head, layers: n_layer, width: n_embd } = shape;
  return { ...config, model_type: 'gpt2', n_head, n_layer, n_embd };
}

/**
 * Leaves only the token that the run chooses, so that generate's greedy search takes it: its own sampler knows no top_p and draws from one
 * random generator for all texts.
 */
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
    // A cancel may have come while the model ran: its token is not taken any more.
    if (this.#textRun.ending === null) this.#textRun.append(Number(inputIds[0]?.at(-1)));
    return [this.#textRun.ending !== null];
  }
}

const int64 = (values: readonly number[], dims: number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
