/** The fields of a request as options of the command line. */
import { type Command, InvalidArgumentError } from 'commander';
import type { GenerationRequest } from '../index.ts';
import { UsageError } from './exit-codes.ts';
import { readUtf8 } from './read-utf8.ts';

const plainNumber = (value: string): number => {
  if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)$/.test(value))
    throw new InvalidArgumentError('It must be a number in plain decimals.');
  return Number(value);
};

export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) === 0)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(value);
}

const addTo = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** The key ends at the first colon or, as many know it from other programs, at the first equals sign. */
function splitPair(value: string): readonly [string, string] {
  const at = value.search(/[:=]/);
  if (at < 1) throw new InvalidArgumentError('It must be key:value.');
  return [value.slice(0, at), value.slice(at + 1)];
}

function addPair(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [key, content] = splitPair(value);
  return { ...before, [key]: content };
}

/** As the service finds jobs by them. */
export const addFilterPair = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  splitPair(value).join(':'),
];

/** Numeric fields with their descriptions. */
const numbers = {
  max_new_tokens: 'the most new tokens',
  max_length: 'the most tokens of prompt and text together, 10 to 200',
  temperature: '0 always takes the likeliest token; up to 2',
  top_k: 'sample from the k likeliest tokens; 0: from all',
  top_p: 'sample from the smallest set of tokens whose probability reaches p',
  repetition_penalty: 'above 1: makes tokens that have occurred less likely',
  seed: 'the same seed gives the same text',
  deadline_ms: 'the job must end within this time',
  start_timeout_ms: 'the job must begin within this time',
} as const;

type NumberField = keyof typeof numbers;

const flagOf = (field: string): string => `--${field.replaceAll('_', '-')}`;
const nameOf = (field: string): string => field.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The values that commander makes of the options. */
export type RequestOptionValues = Readonly<Record<string, unknown>>;

export function addRequestOptions(command: Command): Command {
  for (const [field, description] of Object.entries(numbers)) {
    command.option(`${flagOf(field)} <number>`, description, plainNumber);
  }
  return command
    .option('--stop <text>', 'the text ends before this; may be repeated', addTo)
    .option('--low', 'let other jobs go first')
    .option('--metadata <key:value>', 'kept with the job; may be repeated', addPair);
}

/** @throws {UsageError} without a prompt */
export async function requestOf(words: readonly string[], values: RequestOptionValues): Promise<GenerationRequest> {
  const fields = Object.keys(numbers) as NumberField[];
  const given = fields.flatMap((field) => {
    const value = values[nameOf(field)];
    return value === undefined ? [] : [[field, value as number] as const];
  });
  return {
    prompt: await promptOf(words),
    ...Object.fromEntries(given),
    ...(values['stop'] === undefined ? {} : { stop: values['stop'] as string[] }),
    ...(values['low'] === true ? { priority: 'low' } : {}),
    ...(values['metadata'] === undefined ? {} : { metadata: values['metadata'] as Record<string, string> }),
  };
}

/** The arguments, or standard input: for `-`, and where it is no terminal. */
async function promptOf(words: readonly string[]): Promise<string> {
  const isInput = words.length === 0 ? !process.stdin.isTTY : words.length === 1 && words[0] === '-';
  if (!isInput && words.length === 0)
    throw new UsageError('There is no prompt: give one as an argument, or on standard input.');
  if (!isInput) return words.join(' ');
  let text = '';
  for await (const part of readUtf8(process.stdin, 'The prompt on standard input')) text += part;
  const prompt = text.replace(/\r?\n$/, '');
  if (prompt === '') throw new UsageError('The prompt on standard input is empty.');
  return prompt;
}

/** The options of `pnpm generate` for a request. @throws {UsageError} for a field that only the service knows */
export function localArguments({ prompt, stop, ...request }: GenerationRequest): readonly string[] {
  const { deadline_ms: deadline, start_timeout_ms: start, metadata, priority, ...fields } = request;
  if ([deadline, start, metadata, priority].some((value) => value !== undefined)) {
    throw new UsageError('Deadlines, priorities and metadata need a service: start one, or name it with --url.');
  }
  const stops = typeof stop === 'string' ? [stop] : (stop ?? []);
  return [
    ...Object.entries(fields).map(([field, value]) => `${flagOf(field)}=${String(value)}`),
    ...stops.map((text) => `--stop=${text}`),
    '--',
    prompt,
  ];
}
