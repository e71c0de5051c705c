/** The engine's process: native code runs here, so that a crash of it ends this process and nothing else. */
import { type AppError, errorLine, type GenerateRequest, toAppError } from '@prosemill/core';
import { createTokenizer, type Tokenizer } from '@prosemill/tokenizer';
import { TextRun } from '../sampling/text-run.ts';
import type { ChildEnding, ErrorData, FromChild, LoadMessage, ToChild } from './messages.ts';
import { engineVersion, loadTransformersModel, type TransformersModel } from './transformers-model.ts';

interface Engine {
  readonly model: TransformersModel;
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
}

interface Call {
  readonly id: number;
  readonly request: GenerateRequest;
}

// A terminal signals the whole process group; the worker decides when this process ends, by closing the channel.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToChild) => receive(message));

const waiting: Call[] = [];
let engine: Engine | null = null;
let running: { readonly id: number; readonly textRun: TextRun } | null = null;

function receive(message: ToChild): void {
  switch (message.type) {
    case 'load':
      void load(message);
      break;
    case 'generate':
      waiting.push({ id: message.call, request: message.request });
      if (running === null) void runWaiting();
      break;
    case 'cancel':
      cancel(message.call);
      break;
    default:
      message satisfies never;
  }
}

async function load(message: LoadMessage): Promise<void> {
  try {
    const tokenizer = createTokenizer(message.tokenizer);
    engine = { model: await loadTransformersModel(message), tokenizer, contextLength: message.contextLength };
    send({ type: 'loaded', engineVersion });
  } catch (error) {
    send({ type: 'load-failed', message: errorLine(error) });
  }
}

function cancel(id: number): void {
  if (running?.id === id) running.textRun.cancel();
  const index = waiting.findIndex((call) => call.id === id);
  if (index === -1) return;
  waiting.splice(index, 1);
  end(id, { reason: 'canceled', usage: { promptTokens: 0, completionTokens: 0 } });
}

async function runWaiting(): Promise<void> {
  for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
    end(call.id, await run(call));
    running = null;
  }
}

async function run({ id, request }: Call): Promise<ChildEnding> {
  try {
    if (engine === null) throw new TypeError('generate came before the model was loaded');
    const { model, tokenizer, contextLength } = engine;
    const textRun = new TextRun({
      request,
      tokenizer,
      contextLength,
      endIds: model.endIds,
      onText: (text, completionTokens) => {
        send({ type: 'event', call: id, event: { type: 'token-delta', text, completionTokens } });
      },
    });
    running = { id, textRun };
    const { promptTokens } = textRun.usage;
    send({ type: 'event', call: id, event: { type: 'generation-start', promptTokens } });
    await model.run(textRun);
    if (textRun.ending === null) throw new TypeError('the model ended before the text did');
    return { reason: textRun.ending, usage: textRun.usage };
  } catch (error) {
    return { reason: 'error', error: toErrorData(toAppError(error, 'generation_failed')) };
  }
}

const end = (call: number, ending: ChildEnding): void =>
  send({ type: 'event', call, event: { type: 'generation-end', ending } });

const toErrorData = (error: AppError): ErrorData => ({
  code: error.code,
  message: errorLine(error),
  details: error.details,
});

/** The worker is gone when there is no channel: then nobody needs the message. */
function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
