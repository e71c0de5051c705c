/**
 * Continuous batching: texts may join and leave at every step. The loop knows no model: a decoder computes the steps.
 * @see Yu et al. 2022, "Orca", OSDI
 */
import type { EngineStep } from '@prosemill/core';
import type { Decoder, Segment, StepOutput } from '../decoder/decoder.ts';
import type { CachedText } from '../decoder/key-value-pages.ts';
import { pagesOf } from '../decoder/memory-plan.ts';
import { requirePromptIds } from '../sampling/prompt-ids.ts';
import type { TextRun } from '../sampling/text-run.ts';
import { admit, divideBudget } from './admission.ts';

export interface BatchLoopOptions {
  readonly decoder: Decoder;
  readonly onStep: (step: EngineStep) => void;
}

/** A text from its arrival to its end. */
interface Entry {
  readonly textRun: TextRun;
  readonly onStart: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Running extends Entry {
  readonly cached: CachedText;
  /** The tokens that the decoder has not seen yet: the rest of the prompt, or the token that was chosen last. */
  unseen: readonly number[];
}

/** The part of a running text in a step. */
interface Part extends Segment {
  readonly running: Running;
}

export class BatchLoop {
  readonly #options: BatchLoopOptions;
  #waiting: readonly Entry[] = [];
  #running: readonly Running[] = [];
  #isLooping = false;
  /** The end of the last step, or of the last pause. */
  #cycleBeganAt = 0;

  constructor(options: BatchLoopOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the run has ended.
   * @param onStart  Called when the run joins the batch.
   * @throws {AppError} `invalid_request` when the model does not have the prompt's ids; else the error of the model
   */
  async run(textRun: TextRun, onStart: () => void): Promise<void> {
    requirePromptIds(textRun.promptIds, this.#options.decoder.shape.vocabulary);
    await new Promise<void>((resolve, reject) => {
      this.#waiting = [...this.#waiting, { textRun, onStart, resolve, reject }];
      if (!this.#isLooping) void this.#loop();
    });
  }

  async #loop(): Promise<void> {
    this.#isLooping = true;
    this.#cycleBeganAt = performance.now();
    for (;;) {
      // New texts and cancels that arrived during the last step take effect before the next one.
      await new Promise(setImmediate);
      this.#dropEnded();
      this.#admit();
      if (this.#running.length === 0) break;
      try {
        await this.#step();
      } catch (error) {
        // The failed step may have left keys and values incomplete, so all of its texts are rejected.
        for (const { cached, reject } of this.#running) {
          this.#options.decoder.pages.remove(cached);
          reject(error);
        }
        this.#running = [];
      }
    }
    this.#isLooping = false;
  }

  /** Removes texts that ended in the last step or were canceled since. */
  #dropEnded(): void {
    for (const { cached, resolve } of this.#running.filter(hasEnded)) {
      this.#options.decoder.pages.remove(cached);
      resolve();
    }
    for (const { resolve } of this.#waiting.filter(hasEnded)) resolve();
    this.#running = this.#running.filter((entry) => !hasEnded(entry));
    this.#waiting = this.#waiting.filter((entry) => !hasEnded(entry));
  }

  #admit(): void {
    const { pages } = this.#options.decoder;
    const count = admit({
      waiting: this.#waiting.map((entry) => pagesOf(maxPositions(entry))),
      freeTexts: pages.freeTexts,
      freePages: pages.freePages,
    });
    const joining = this.#waiting.slice(0, count).map((entry) => {
      const cached = pages.add(maxPositions(entry));
      return Object.assign(entry, { cached, unseen: entry.textRun.promptIds });
    });
    this.#running = [...this.#running, ...joining];
    this.#waiting = this.#waiting.slice(count);
    for (const { onStart } of joining) onStart();
  }

  async #step(): Promise<void> {
    const parts = this.#parts();
    const beganAt = performance.now();
    const withLogits = parts.some(({ running, wanted }) => wanted > 0 && running.textRun.needsAllLogits);
    const output = await this.#options.decoder.step(parts, { withLogits });
    const endedAt = performance.now();
    const times = { durationMs: endedAt - beganAt, cycleMs: endedAt - this.#cycleBeganAt };
    this.#cycleBeganAt = endedAt;
    this.#options.onStep({ rows: parts.length, ...times });
    let row = 0;
    for (const { running, ids, wanted } of parts) {
      running.unseen = running.unseen.slice(ids.length);
      if (wanted === 0) continue;
      choose(running, output, row);
      row += 1;
    }
  }

  /** One position of each text that has begun, and some of each prompt. */
  #parts(): readonly Part[] {
    const prompts = this.#running.filter(isPrompt);
    const shares = divideBudget(prompts.map(({ unseen }) => unseen.length));
    const shareOf = new Map(prompts.map((running, index) => [running, shares[index] ?? 0]));
    return this.#running.flatMap((running) => {
      const count = shareOf.get(running) ?? 1;
      const ids = running.unseen.slice(0, count);
      const wanted = count === running.unseen.length ? 1 : 0;
      return count === 0 ? [] : [{ running, text: running.cached, ids, wanted }];
    });
  }
}

const hasEnded = ({ textRun }: Entry): boolean => textRun.ending !== null;

const isPrompt = ({ cached, textRun }: Running): boolean => cached.length < textRun.promptIds.length;

/** The most positions that a text needs. Its last token needs none, because it is not fed back. */
const maxPositions = ({ textRun }: Entry): number => textRun.promptIds.length + textRun.maxNewTokens - 1;

/** Chooses the text's next token. Logits that are not finite numbers end this text only. */
function choose(running: Running, output: StepOutput, row: number): void {
  const { textRun, reject } = running;
  if (textRun.ending !== null) return;
  try {
    const id = nextId(textRun, output, row);
    running.unseen = [id];
    textRun.append(id);
  } catch (error) {
    reject(error);
    textRun.cancel();
  }
}

function nextId(textRun: TextRun, { topIds, topValues, topCount, logitsOf }: StepOutput, row: number): number {
  if (textRun.needsAllLogits) return textRun.choose(logitsOf(row));
  const [from, to] = [row * topCount, (row + 1) * topCount];
  return textRun.chooseFromTop(topIds.subarray(from, to), topValues.subarray(from, to));
}
