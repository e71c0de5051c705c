/** A request as programs write it. */
import type { GenerationRequest } from '@prosemill/client';
import { newIdempotencyKey } from '@prosemill/client';

export interface SnippetOptions {
  readonly body: GenerationRequest;
  /** The address of the service, without a slash at its end. */
  readonly baseUrl: string;
  readonly needsKey: boolean;
  readonly modelName: string;
}

export const snippets: readonly { readonly name: string; readonly write: (options: SnippetOptions) => string }[] = [
  { name: 'curl', write: curlOf },
  { name: 'fetch', write: fetchOf },
  { name: 'TypeScript', write: typeScriptOf },
  { name: 'openai (Python)', write: openAiOf },
];

/** One word of a POSIX shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

export function curlOf({ body, baseUrl, needsKey }: SnippetOptions): string {
  return [
    `curl ${shellWord(`${baseUrl}/generate`)}`,
    ...(needsKey ? ['-H "Authorization: Bearer $PROSEMILL_KEY"'] : []),
    `-H 'Content-Type: application/json'`,
    `-H 'Idempotency-Key: ${newIdempotencyKey()}'`,
    `-d ${shellWord(JSON.stringify(body))}`,
  ].join(' \\\n  ');
}

/** The lines of the headers object, in JavaScript and in TypeScript. */
const headerLines = (needsKey: boolean): readonly string[] => [
  ...(needsKey ? ['    Authorization: `Bearer ${process.env.PROSEMILL_KEY}`,'] : []),
  "    'Content-Type': 'application/json',",
  "    'Idempotency-Key': crypto.randomUUID(),",
];

const indented = (value: unknown, by: string): string => JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`);

export function fetchOf({ body, baseUrl, needsKey }: SnippetOptions): string {
  return [
    `const response = await fetch(${JSON.stringify(`${baseUrl}/generate`)}, {`,
    "  method: 'POST',",
    '  headers: {',
    ...headerLines(needsKey),
    '  },',
    `  body: JSON.stringify(${indented(body, '  ')}),`,
    '});',
    'const answer = await response.json();',
    'if (!response.ok) throw new Error(answer.detail);',
    '// 202: it takes longer than 30 s; answer.urls.self is the job.',
    'console.log(answer.generated_text ?? answer.urls.self);',
  ].join('\n');
}

export function typeScriptOf({ body, baseUrl, needsKey }: SnippetOptions): string {
  return [
    '/** Writes a text, and yields it as it is written. */',
    'async function* write(request: object): AsyncGenerator<string> {',
    `  const response = await fetch(${JSON.stringify(`${baseUrl}/generate`)}, {`,
    "    method: 'POST',",
    '    headers: {',
    "      Accept: 'text/event-stream',",
    ...headerLines(needsKey).map((line) => `  ${line}`),
    '    },',
    '    body: JSON.stringify(request),',
    '  });',
    '  if (!response.ok || response.body === null) throw new Error(await response.text());',
    "  let rest = '';",
    '  const decoder = new TextDecoder();',
    '  for await (const chunk of response.body) {',
    '    const events = (rest + decoder.decode(chunk, { stream: true })).split(/\\n\\n/);',
    "    rest = events.pop() ?? '';",
    '    for (const event of events) {',
    '      const data = /^event: token$/m.test(event) ? /^data: (.*)$/m.exec(event)?.[1] : undefined;',
    '      if (data !== undefined) yield (JSON.parse(data) as { text: string }).text;',
    '    }',
    '  }',
    '}',
    '',
    `for await (const text of write(${indented(body, '')})) process.stdout.write(text);`,
  ].join('\n');
}

/** The parameters that OpenAI's client has by name; others go into its `extra_body`. */
const openAiNames = ['max_tokens', 'temperature', 'top_p', 'stop', 'seed'] as const;

/** The request of OpenAI's API that gives the same text; it has no penalty and no deadlines. */
export function openAiOf({ body, baseUrl, needsKey, modelName }: SnippetOptions): string {
  const { prompt, max_new_tokens, temperature, top_p, top_k, stop, seed } = body;
  const values = { max_tokens: max_new_tokens, temperature, top_p, stop, seed };
  const lines = [
    `    model=${python(modelName)},`,
    `    prompt=${python(prompt)},`,
    ...openAiNames.flatMap((name) => (values[name] == null ? [] : [`    ${name}=${python(values[name])},`])),
    ...(top_k == null ? [] : [`    extra_body={"top_k": ${python(top_k)}},`]),
    '    extra_headers={"Idempotency-Key": str(uuid.uuid4())},',
  ];
  return [
    'import os',
    'import uuid',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${python(`${baseUrl}/v1`)}, api_key=${needsKey ? 'os.environ["PROSEMILL_KEY"]' : '"none"'})`,
    ...(body.repetition_penalty == null ? [] : ["# OpenAI's API has no repetition penalty: this text will differ."]),
    'completion = client.completions.create(',
    ...lines,
    ')',
    'print(completion.choices[0].text)',
  ]
    .filter((line) => needsKey || line !== 'import os')
    .join('\n');
}

/** Numbers, strings and lists of strings are the same in JSON and in Python. */
const python = (value: unknown): string => JSON.stringify(value);
