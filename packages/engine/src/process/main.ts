/** The entry point of the engine's process. Native code runs here, so that a crash ends this process only. */
import {
  armFailpoint,
  assertNever,
  errorLine,
  failpoint,
  type GenerateRequest,
  type LoadPhase,
  poisonWord,
  stopSignals,
  toAppError,
} from '@prosemill/core';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { collectGarbage } from '../collect-garbage.ts';
import { percentOf, shareOf } from '../load-progress.ts';
import { TextRun } from '../sampling/text-run.ts';
import { EventOutbox } from './event-outbox.ts';
import type { ChildEnding, FromChild, LoadMessage, ToChild } from './messages.ts';
import type { ModelRunner } from './model-runner.ts';
import { StepLog } from './step-log.ts';

interface LoadedEngine {
  readonly runner: ModelRunner;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  readonly endIds: ReadonlySet<number>;
}

interface Call {
  readonly textRun: TextRun;
  hasStarted: boolean;
}

// A terminal signals the whole process group, but only the worker ends this process: it closes the channel.
for (const name of stopSignals) process.on(name, () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToChild) => receive(message));

/** Begins while the worker looks for the model; the load reports a failure. Both engines need onnxruntime. */
const batched = import('../loop/load-batched-model.ts');
const threads = Number(process.argv[2]);
batched.then(({ prepareThreads }) => prepareThreads(threads)).catch(() => undefined);

const calls = new Map<number, Call>();
let engine: LoadedEngine | null = null;
const stepLog = new StepLog();
const outbox = new EventOutbox((events) => send({ type: 'events', events, steps: stepLog.takeDue() }));
let lastStep = '';

function receive(message: ToChild): void {
  switch (message.type) {
    case 'load':
      void load(message);
      break;
    case 'generate':
      void generate(message.call, message.request);
      break;
    case 'cancel':
      cancel(message.call);
      break;
    case 'ping':
      send({ type: 'pong', steps: stepLog.takeAll() });
      break;
    default:
      assertNever(message);
  }
}

async function load(message: LoadMessage): Promise<void> {
  try {
    armFailpoint({ FAILPOINT: message.failpoint });
    const { tokenizer: record, contextLength, endIds } = message.model;
    const tokenizer = createTokenizer(record);
    const runner = await loadRunner(message);
    await collectGarbage();
    engine = { runner, tokenizer, contextLength, endIds: new Set(endIds) };
    send({ type: 'loaded', engineVersion: runner.version });
  } catch (error) {
    send({ type: 'load-failed', message: errorLine(error) });
  }
}

async function loadRunner(message: LoadMessage): Promise<ModelRunner> {
  switch (message.model.engine) {
    case 'batched':
      return await (
        await batched
      ).loadBatchedModel(message, { onStep: (step) => stepLog.add(step), onProgress: reportProgress });
    case 'transformers':
      reportProgress('opening', 0, 0);
      return await (await import('./transformers-model.ts')).loadTransformersModel(message);
    default:
      return assertNever(message.model.engine);
  }
}

/** Reports whole percents. The message is written at once, so it arrives even if the work blocks this thread. */
function reportProgress(phase: LoadPhase, done: number, total: number): void {
  const share = shareOf(done, total);
  const step = `${phase} ${share === null ? '' : percentOf(share)}`;
  if (step === lastStep) return;
  lastStep = step;
  send({ type: 'load-progress', phase, progress: share });
}

async function generate(id: number, request: GenerateRequest): Promise<void> {
  try {
    if (engine === null) throw new TypeError('generate came before the model was loaded');
    if (request.prompt.includes(poisonWord)) await failpoint('engine.poison');
    const { runner, tokenizer, contextLength, endIds } = engine;
    const textRun = new TextRun({
      request,
      tokenizer,
      contextLength,
      endIds,
      onText: (text, completionTokens) => outbox.add(id, { type: 'token-delta', text, completionTokens }),
    });
    const call: Call = { textRun, hasStarted: false };
    calls.set(id, call);
    await runner.run(textRun, () => {
      call.hasStarted = true;
      const { promptTokens } = textRun.usage;
      outbox.add(id, { type: 'generation-start', promptTokens, maxNewTokens: textRun.maxNewTokens });
    });
    if (textRun.ending === null) throw new TypeError('the model stopped before the text ended');
    if (calls.has(id)) end(id, { reason: textRun.ending, usage: textRun.usage });
  } catch (error) {
    const failure = toAppError(error, 'generation_failed');
    end(id, { reason: 'error', error: { code: failure.code, message: errorLine(failure), details: failure.details } });
  }
}

/** The runner drops a started call at its next step; a waiting call ends here. */
function cancel(id: number): void {
  const call = calls.get(id);
  if (call === undefined) return;
  call.textRun.cancel();
  if (!call.hasStarted) end(id, { reason: 'canceled', usage: { promptTokens: 0, completionTokens: 0 } });
}

function end(id: number, ending: ChildEnding): void {
  calls.delete(id);
  outbox.add(id, { type: 'generation-end', ending });
}

/** Does nothing if the worker is gone, which closes the channel or breaks it during the write. */
function send(message: FromChild): void {
  // Without a callback a failed write would be an uncaught exception.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
