/** Continuous batching: texts may join and leave at every step. @see Yu et al. 2022, "Orca", OSDI */
import type { EngineStep } from '@prosemill/core';
import { requirePromptIds } from '../sampling/prompt-ids.ts';
import type { TextRun } from '../sampling/text-run.ts';
import { admit } from './admission.ts';
import type { Gpt2Session } from './gpt2-session.ts';
import type { Gpt2Shape } from './gpt2-config.ts';
import { KvLane, type RowSlice } from './kv-lane.ts';
import { type Chunk, chunkOf } from './prompt-chunks.ts';
import { type Entry, Slots } from './slots.ts';
import { noPast, noPrompts, type PromptInput, promptMask, release, type StepOutput } from './step.ts';

export interface BatchLoopOptions {
  readonly session: Gpt2Session;
  readonly shape: Gpt2Shape;
  /** The most texts that run at once. */
  readonly slots: number;
  /** The fewest rows of a step: with fewer, the order of summation in a kernel may differ. */
  readonly minRows: number;
  /** Prompts are padded to a multiple of this. */
  readonly promptUnit: number;
  readonly onStep: (step: EngineStep) => void;
}

/** A prompt's part of a step, which has several whole prompts of one padded length, or one chunk of a longer prompt. */
interface Prompt {
  readonly entry: Entry;
  readonly chunk: Chunk;
}

/** A prompt of which some chunks are done. */
interface Unfinished {
  readonly entry: Entry;
  /** A lane of one row. */
  readonly cache: KvLane;
}

export class BatchLoop {
  readonly #options: BatchLoopOptions;
  readonly #slots: Slots;
  readonly #waiting: Entry[] = [];
  #unfinished: Unfinished | null = null;
  #isRunning = false;
  /** The end of the last step, or of the last pause. */
  #cycleBeganAt = 0;

  constructor(options: BatchLoopOptions) {
    this.#options = options;
    const { slots, minRows, shape } = options;
    this.#slots = new Slots({ slots, positions: shape.positions, shape: this.#kvShape, minRows });
  }

  /**
   * Resolves when the run has ended.
   * @param onStart  Called when the run joins the batch.
   * @throws {AppError} `invalid_request` when the model does not have the prompt's ids; else the error of the model
   */
  async run(textRun: TextRun, onStart: () => void): Promise<void> {
    requirePromptIds(textRun.promptIds, this.#options.shape.vocabulary);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ textRun, onStart, resolve, reject, nextId: 0 });
      if (!this.#isRunning) void this.#loop();
    });
  }

  async #loop(): Promise<void> {
    this.#isRunning = true;
    this.#cycleBeganAt = performance.now();
    for (;;) {
      // New texts and cancels that arrived during the last step take effect before the next one.
      await new Promise(setImmediate);
      this.#dropEnded();
      if (this.#waiting.length === 0 && this.#slots.count === 0 && this.#unfinished === null) break;
      const prompts = this.#nextPrompts();
      try {
        await this.#step(prompts);
      } catch (error) {
        // The failed step may have left keys and values incomplete, so all of its texts are rejected.
        this.#unfinished = null;
        for (const { reject } of [...prompts.map(({ entry }) => entry), ...this.#slots.removeAll()]) reject(error);
      }
    }
    this.#isRunning = false;
  }

  /** Removes texts that ended in the last step or were canceled since. */
  #dropEnded(): void {
    for (const { resolve } of this.#slots.removeEnded()) resolve();
    if (this.#unfinished !== null && this.#unfinished.entry.textRun.ending !== null) {
      this.#unfinished.entry.resolve();
      this.#unfinished = null;
    }
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1) {
      if (this.#waiting[index]?.textRun.ending !== null) this.#waiting.splice(index, 1)[0]?.resolve();
    }
  }

  #nextPrompts(): readonly Prompt[] {
    const { slots, promptUnit: unit } = this.#options;
    const promptOf = (entry: Entry, done: number): Prompt => ({
      entry,
      chunk: chunkOf(entry.textRun.promptIds.length, done, unit),
    });
    const unfinished = this.#unfinished;
    if (unfinished !== null) return [promptOf(unfinished.entry, unfinished.cache.lengths[0] ?? 0)];
    const waiting = this.#waiting.map(({ textRun }) => textRun.promptIds.length);
    const chosen = new Set(admit({ waiting, freeSlots: slots - this.#slots.count, unit }));
    const entries = this.#waiting.filter((_, index) => chosen.has(index));
    const others = this.#waiting.filter((_, index) => !chosen.has(index));
    this.#waiting.splice(0, Number.POSITIVE_INFINITY, ...others);
    for (const { onStart } of entries) onStart();
    return entries.map((entry) => promptOf(entry, 0));
  }

  async #step(prompts: readonly Prompt[]): Promise<void> {
    const rows = this.#slots.next();
    const input = this.#promptInput(prompts);
    const promptRows = rows.ids.length;
    const ids = new Int32Array(promptRows + input.count * input.length);
    const positions = new Int32Array(ids.length);
    ids.set(rows.ids);
    positions.set(rows.positions);
    const wanted = Array.from(rows.ids, (_, row) => row);
    for (const [index, { entry, chunk }] of prompts.entries()) {
      const { done, tokens, length, isLast } = chunk;
      const start = promptRows + index * length;
      ids.set(entry.textRun.promptIds.slice(done, done + tokens), start);
      const last = this.#options.shape.positions - 1;
      for (let step = 0; step < length; step += 1) positions[start + step] = Math.min(done + step, last);
      if (isLast) wanted.push(start + tokens - 1);
    }
    while (wanted.length < this.#options.minRows) wanted.push(0);
    const beganAt = performance.now();
    const output = await this.#options.session.run({
      ids,
      positions,
      wanted: Int32Array.from(wanted),
      lanes: rows.lanes,
      prompts: input,
      withLogits:
        rows.texts.some(({ entry }) => entry.textRun.needsAllLogits) ||
        prompts.some(({ entry, chunk }) => entry.textRun.needsAllLogits && chunk.isLast),
    });
    const endedAt = performance.now();
    const times = { durationMs: endedAt - beganAt, cycleMs: endedAt - this.#cycleBeganAt };
    this.#cycleBeganAt = endedAt;
    this.#options.onStep({ rows: rows.texts.length + prompts.length, ...times });
    this.#slots.append(output.newRows, rows);
    for (const { entry, row } of rows.texts) this.#choose(entry, output, row);
    this.#finishPrompts(prompts, output, promptRows);
    release(output);
  }

  #promptInput(prompts: readonly Prompt[]): PromptInput {
    const [first] = prompts;
    if (first === undefined) return noPrompts;
    const { done, length } = first.chunk;
    const cache = done === 0 ? undefined : this.#unfinished?.cache;
    const pastLength = cache?.size ?? 0;
    return {
      count: prompts.length,
      length,
      pastLength,
      mask: promptMask(length, pastLength, done),
      past: cache?.row(0) ?? noPast,
    };
  }

  /** @param firstRow  The first row of the output that belongs to a prompt. */
  #finishPrompts(prompts: readonly Prompt[], output: StepOutput, firstRow: number): void {
    for (const [index, { entry, chunk }] of prompts.entries()) {
      const from = { data: output.newPrompts, row: index, stride: chunk.length, length: chunk.tokens };
      const isWhole = chunk.done === 0 && chunk.isLast;
      if (isWhole) this.#slots.add(entry, from);
      else this.#addChunk(entry, from);
      if (!chunk.isLast) continue;
      if (!isWhole) this.#addUnfinished(entry);
      this.#choose(entry, output, firstRow + index);
    }
  }

  #addChunk(entry: Entry, from: RowSlice): void {
    if (this.#unfinished === null) {
      const cache = new KvLane(entry.textRun.promptIds.length, this.#kvShape);
      cache.addRow();
      this.#unfinished = { entry, cache };
    }
    this.#unfinished.cache.extend(0, from);
  }

  #addUnfinished(entry: Entry): void {
    const { cache } = this.#unfinished ?? {};
    if (cache !== undefined) this.#slots.add(entry, cache.sliceOf(0));
    this.#unfinished = null;
  }

  /** NaN logits end this text only. */
  #choose(entry: Entry, output: StepOutput, row: number): void {
    const { textRun } = entry;
    if (textRun.ending !== null) return;
    try {
      entry.nextId = this.#nextId(textRun, output, row);
      textRun.append(entry.nextId);
    } catch (error) {
      entry.reject(error);
      textRun.cancel();
    }
  }

  #nextId(textRun: TextRun, output: StepOutput, row: number): number {
    if (textRun.needsAllLogits && output.logits !== null) {
      const { vocabulary } = this.#options.shape;
      return textRun.choose(output.logits.subarray(row * vocabulary, (row + 1) * vocabulary));
    }
    const [from, to] = [row * output.topCount, (row + 1) * output.topCount];
    return textRun.chooseFromTop(output.topIds.subarray(from, to), output.topValues.subarray(from, to));
  }

  get #kvShape(): { layers: number; heads: number; headWidth: number } {
    const { layers, heads, width } = this.#options.shape;
    return { layers, heads, headWidth: width / heads };
  }
}
