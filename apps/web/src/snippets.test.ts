import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curlOf, fetchOf, openAiOf, shellWord, typeScriptOf } from './snippets.ts';

const body = { prompt: `It's "quoted" \\ $HOME\nand more`, max_new_tokens: 7, seed: 3, top_k: 5 };
const options = { body, baseUrl: 'http://127.0.0.1:8000', needsKey: true, modelName: 'tiny-tales' };

/** Runs a shell command with a `curl` that prints its arguments. */
function argumentsOf(command: string): readonly string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { PROSEMILL_KEY: 'pm_1' } }).split('\0');
}

/** A `fetch` that prints its request, and answers with a text. */
const fetchForTests = `
globalThis.fetch = async (_url, { headers, body }) => {
  process.stdout.write(JSON.stringify({ headers, body: JSON.parse(body) }) + '\\n');
  if (headers.Accept === undefined) return Response.json({ generated_text: ' there was' });
  const token = (text) => 'event: token\\ndata: ' + JSON.stringify({ text }) + '\\n\\n';
  return new Response('event: status\\ndata: {}\\n\\n' + token(' there') + token(' was'));
};
`;

/** Runs a program. @returns its request, and the text that it writes */
function run(program: string): { headers: unknown; body: unknown; text: string } {
  const input = fetchForTests + program;
  const flags = ['--input-type=module-typescript', '--no-warnings', '-'];
  const output = execFileSync(process.execPath, flags, { input, encoding: 'utf8', env: { PROSEMILL_KEY: 'pm_1' } });
  const [request = '', text = ''] = output.split('\n');
  return { ...(JSON.parse(request) as { headers: unknown; body: unknown }), text };
}

describe('the snippet for', () => {
  it('curl sends exactly the request', () => {
    const words = argumentsOf(curlOf(options));
    expect(words[0]).toBe('http://127.0.0.1:8000/generate');
    expect(words).toContain('Authorization: Bearer pm_1');
    expect(JSON.parse(words[words.indexOf('-d') + 1] ?? '')).toEqual(body);
  });

  it('fetch sends exactly the request', () => {
    expect(run(fetchOf(options)).body).toEqual(body);
    expect(run(fetchOf(options)).headers).toMatchObject({ Authorization: 'Bearer pm_1' });
  });

  it('TypeScript sends exactly the request, and writes the text as it comes', () => {
    const { text, ...request } = run(typeScriptOf(options));
    expect(request.body).toEqual(body);
    expect(request.headers).toMatchObject({ Accept: 'text/event-stream' });
    expect(text).toBe(' there was');
  });

  it('OpenAI’s client has its names for the parameters', () => {
    const code = openAiOf(options);
    expect(code).toContain('max_tokens=7,');
    expect(code).toContain('extra_body={"top_k": 5},');
    expect(code).toContain('os.environ["PROSEMILL_KEY"]');
    expect(openAiOf({ ...options, needsKey: false })).not.toContain('import os');
  });
});

it('a word of the shell is one word', () => {
  expect(argumentsOf(`curl ${shellWord("a'b c\n$(d)")}`)[0]).toBe("a'b c\n$(d)");
});
