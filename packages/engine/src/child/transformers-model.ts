/** A model run by transformers.js, one text at a time. */
import { basename, dirname, sep } from 'node:path';
import {
  AutoModelForCausalLM,
  env,
  LogitsProcessor,
  LogitsProcessorList,
  LogLevel,
  type PreTrainedModel,
  StoppingCriteria,
  StoppingCriteriaList,
  Tensor,
} from '@huggingface/transformers';
import type { TextRun } from '../sampling/text-run.ts';
import type { LoadMessage } from './messages.ts';
import type { ModelRunner } from './model-runner.ts';

/** @throws what transformers.js throws when the files are no model it can run */
export async function loadTransformersModel({ model: { folder, dtype }, threads }: LoadMessage): Promise<ModelRunner> {
  env.logLevel = LogLevel.ERROR;
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder) + sep;
  const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
    local_files_only: true,
    dtype,
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential' },
  });
  let lastRun: Promise<void> = Promise.resolve();
  return {
    version: env.version,
    async run(textRun, onStart) {
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
    // The processor below has the say; what a model's own generation_config.json asks for would come before it.
    do_sample: false,
    num_beams: 1,
    repetition_penalty: 1,
    max_new_tokens: maxNewTokens,
    logits_processor: processors,
    stopping_criteria: criteria,
  });
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
