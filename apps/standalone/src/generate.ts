/** `pnpm generate "Once upon a time"`: streams a text to the terminal, without server, queue and database. */
import { randomInt } from 'node:crypto';
import { generationRequestSchema, toTextRequest, wrongValuesOf } from '@prosemill/contract';
import {
  exitWith,
  type GenerateRequest,
  type GenerationEnding,
  parseDecimal,
  print,
  readArguments,
  tolerateFailures,
  type TextGenerator,
  UsageError,
} from '@prosemill/core';
import { createTextGenerator } from '@prosemill/engine';
import { createLogger } from '@prosemill/telemetry';
import { engineOptions } from '@prosemill/worker';
import { readStandaloneConfig } from './config.ts';

const usage =
  'usage: pnpm generate "a prompt" [--max-new-tokens 100] [--temperature 0.8] [--seed 1] …  (names as in POST /generate)';

/** The optional fields of `POST /generate` as flags: `--max-new-tokens` for `max_new_tokens`. */
const fields = ['max_length', 'max_new_tokens', 'temperature', 'top_k', 'top_p', 'repetition_penalty', 'seed'] as const;
const flagOf = (field: string): string => field.replaceAll('_', '-');

const argumentOf = (field: string): string => (field === 'prompt' ? 'the prompt' : `--${flagOf(field)}`);

/** The exit code of a command that SIGINT ended, as in shells. */
const interruptedCode = 130;

function parseRequest(): GenerateRequest {
  const { values, positionals } = readArguments(
    {
      allowPositionals: true,
      options: {
        ...Object.fromEntries(fields.map((field) => [flagOf(field), { type: 'string' as const }])),
        stop: { type: 'string', multiple: true },
      },
    },
    usage,
  );
  if (positionals.length === 0) throw new UsageError([], usage);
  const problems: string[] = [];
  const numbers = fields.flatMap((field) => {
    const text = (values as Record<string, string | undefined>)[flagOf(field)];
    if (text === undefined) return [];
    const number = parseDecimal(text);
    if (number === null)
      problems.push(`--${flagOf(field)}: must be a number in plain decimals, not ${JSON.stringify(text)}`);
    return [[field, number ?? undefined] as const];
  });
  const request = { prompt: positionals.join(' '), ...Object.fromEntries(numbers), stop: values.stop ?? [] };
  const { error, data } = generationRequestSchema.safeParse(request);
  for (const { path, message } of error === undefined ? [] : wrongValuesOf(error)) {
    problems.push(`${argumentOf(String(path[0]))}: ${message}`);
  }
  if (data === undefined || problems.length > 0) throw new UsageError(problems, usage);
  const textRequest = toTextRequest(data);
  return { ...textRequest, seed: textRequest.seed ?? randomInt(2 ** 32) };
}

async function generate(): Promise<void> {
  tolerateFailures(process.stderr);
  const request = parseRequest();
  const config = readStandaloneConfig();
  const logger = createLogger({ name: 'generate', level: 'warn', pretty: config.LOG_PRETTY, stream: process.stderr });
  const generator = createTextGenerator({ ...engineOptions(config), logger });
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    process.exitCode = interruptedCode;
    interrupted.abort();
    // The signal ends a generation within a token, but neither a load nor a download.
    if (generator.state.type !== 'ready') void generator.stop();
  });
  try {
    await write(request, generator, interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  } finally {
    await generator.stop();
  }
}

async function write(request: GenerateRequest, generator: TextGenerator, signal: AbortSignal): Promise<void> {
  await generator.start();
  const reason = generator.model?.fallbackReason;
  if (reason != null) process.stderr.write(`${reason}\n`);
  let hasStarted = false;
  for await (const event of generator.generate(request, signal)) {
    if (event.type === 'generation-start') {
      hasStarted = true;
      await print(request.prompt);
    } else if (event.type === 'token-delta') {
      await print(event.text);
    } else {
      // A refused prompt leaves standard output empty.
      if (hasStarted) await print('\n');
      report(event.ending, request.seed, generator.model?.identity.name ?? 'unknown');
    }
  }
}

/** Writes to standard error: standard output holds only the text. @throws {AppError} when there is no text */
function report(ending: GenerationEnding, seed: number, modelName: string): void {
  if (ending.reason === 'error') throw ending.error;
  const { promptTokens, completionTokens } = ending.usage;
  process.stderr.write(
    `[${modelName}, ${promptTokens} + ${completionTokens} tokens, seed ${seed}, finish reason ${ending.reason}]\n`,
  );
}

await generate().catch(exitWith);
process.exit();
