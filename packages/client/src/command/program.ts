/** The commands with their arguments, options and help. */
import tab from '@bomb.sh/tab/commander';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { newIdempotencyKey } from '../idempotency-key.ts';
import type { JobFilters, TextFilters } from '../index.ts';
import { runBatchFile } from './batch-run.ts';
import { type CommandBase, type Context, contextOf, defaultUrl } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { createKey, listHistory, listJobs, listKeys, showStatus } from './lists.ts';
import {
  addFilterPair,
  addRequestOptions,
  type RequestOptionValues,
  requestOf,
  wholeNumber,
} from './request-options.ts';
import { generate, verify, wait, watch } from './texts.ts';

const statuses = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'canceled',
  'expired',
] as const satisfies JobFilters['status'];
const scopes = ['generate', 'read', 'admin'] as const;
const secondsPerDay = 86_400;
const defaultCount = 20;
const defaultConcurrency = 64;

const exitCodeHelp = `
Exit codes:
  0  done, or the reader of the output has closed it
  1  failed: a file that cannot be read or written, a bug
  2  wrong arguments
  3  the service refused the request
  4  the service does not answer
  5  the answer is bad: a job without its text, another text, a degraded service
  130, 143  interrupted

prosemill COMMAND --help shows examples.`;

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}\n`).join('')}`;

export function createProgram(base: CommandBase, version: string): Command {
  const program = new Command('prosemill')
    .description('Texts from a Prosemill service.')
    .version(version)
    .option('--url <url>', `the service; default: PROSEMILL_URL, else ${defaultUrl}`)
    .option('--key <secret>', 'an API key; better in PROSEMILL_API_KEY, as others can see arguments')
    .option('--json', 'answers as lines of JSON')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
    // Its errors are written as JSON elsewhere.
    .configureOutput(base.output.isJson ? { writeErr: () => undefined } : {});
  /** Runs a command with its context. */
  const run: Run =
    (perform) =>
    async (...args) => {
      await perform(contextOf(args.at(-1) as Command, base), ...args.slice(0, -1));
    };
  addTexts(program, run);
  addLists(program, run);
  addBatch(program, run);
  addKeys(program, run);
  addHelp(program);
  addCompletion(program);
  return program;
}

/** Commander's own command knows no commands of commands. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .argument('[command...]', 'such as: batch run')
    .description('Show the help of a command.')
    .addHelpText('after', examples('prosemill help batch run'))
    .action((names: string[]) => {
      let command = program;
      for (const name of names) {
        const next = command.commands.find((one) => one.name() === name);
        if (next === undefined) program.error(`error: unknown command '${names.join(' ')}'`);
        command = next;
      }
      command.help();
    });
}

/** The completion of shells, of commands and options, and of the names of files. */
function addCompletion(program: Command): void {
  const completion = tab(program, { completionCommandName: 'completion' });
  const batch = completion.commands.get('batch run');
  batch?.argument('file', completeFiles);
  batch?.option('output', 'the results', completeFiles, 'o');
  program.commands
    .find((command) => command.name() === 'completion')
    // Bash completes the names of files only where this says so, and the script of the library takes it back elsewhere.
    ?.hook('postAction', ({ args: [shell] }) => {
      if (shell === 'bash') process.stdout.write('complete -o default -F __prosemill_complete prosemill\n');
    })
    .addHelpText(
      'after',
      examples(
        'source <(prosemill completion bash)    # in ~/.bashrc',
        'source <(prosemill completion zsh)     # in ~/.zshrc',
        'prosemill completion fish > ~/.config/fish/completions/prosemill.fish',
      ),
    );
}

/** The shell knows the files: the answer to it has no words, and the directive 0, with which it lists them. */
function completeFiles(): never {
  process.stdout.write(':0\n');
  throw new CommanderError(exitCodes.done, 'prosemill.files', '');
}

/** Its arguments are those that commander gives: the values of the command line, the options, and the command. */
type Action = (...args: readonly unknown[]) => Promise<void>;
// oxlint-disable-next-line typescript/no-explicit-any -- the arguments that a command declares are known only to it
type Run = (perform: (context: Context, ...args: any[]) => Promise<void>) => Action;

function addTexts(program: Command, run: Run): void {
  addRequestOptions(program.command('generate'))
    .argument('[prompt...]', 'the beginning of the text; without it, or with -, standard input')
    .description('Generate a text. On a terminal it appears as it is written; Ctrl-C cancels it.')
    .addHelpText(
      'after',
      examples('prosemill generate Once upon a time --max-new-tokens 40', 'prosemill generate --seed 7 < prompt.txt'),
    )
    .action(
      run(
        async (context, words: string[], values: RequestOptionValues) =>
          await generate(context, await requestOf(words, values)),
      ),
    );
  addRequestOptions(program.command('submit'))
    .argument('[prompt...]', 'the beginning of the text; without it, or with -, standard input')
    .description('Submit a job, and print its id.')
    .option('--idempotency-key <key>', 'the same key with the same request is the same job')
    .addHelpText('after', examples('job=$(prosemill submit The old king)', 'prosemill wait "$job"'))
    .action(
      run(async (context, words: string[], values: RequestOptionValues & { idempotencyKey?: string }) => {
        const { client, interrupted: signal, output, isJson } = context;
        const { idempotencyKey = newIdempotencyKey() } = values;
        const request = await requestOf(words, values);
        const hint = `The job may be stored. The same command with --idempotency-key ${idempotencyKey} prints its id.`;
        signal.addEventListener('abort', () => output.note(hint));
        const job = await client.submit(request, { signal, idempotencyKey });
        await (isJson ? output.writeJson(job) : output.write(`${job.id}\n`));
      }),
    );
  program
    .command('wait')
    .argument('<job...>', 'ids of jobs')
    .description('Wait for jobs, and print their texts. Ctrl-C leaves the jobs.')
    .addHelpText('after', examples('prosemill wait JOB_ID', 'prosemill wait JOB_ID OTHER_ID --json'))
    .action(run(async (context, ids: string[]) => await wait(context, ids)));
  program
    .command('watch')
    .argument('<job>', 'the id of a job')
    .description('Show the text of a job as it is written. Ctrl-C leaves the job.')
    .addHelpText('after', examples('prosemill watch JOB_ID', 'prosemill watch JOB_ID --json    # its events'))
    .action(run(async (context, id: string) => await watch(context, id)));
  program
    .command('cancel')
    .argument('<job>', 'the id of a job')
    .description('Cancel a job. Its text so far is kept.')
    .addHelpText('after', examples('prosemill cancel JOB_ID'))
    .action(
      run(async ({ client, interrupted, output, isJson }, id: string) => {
        const job = await client.cancel(id, { signal: interrupted });
        const state = job.finished_at === null ? 'will be canceled' : `is ${job.status}`;
        await (isJson ? output.writeJson(job) : output.write(`The job ${state}.\n`));
      }),
    );
  program
    .command('delete')
    .argument('<job...>', 'ids of jobs that have ended')
    .description('Delete jobs with their texts, for good.')
    .addHelpText('after', examples('prosemill delete JOB_ID', 'prosemill delete JOB_ID OTHER_ID'))
    .action(
      run(async ({ client, interrupted, output, isJson }, ids: string[]) => {
        for (const id of ids) {
          await client.delete(id, { signal: interrupted });
          await (isJson ? output.writeJson({ id, deleted: true }) : output.write(`The job ${id} is deleted.\n`));
        }
      }),
    );
  program
    .command('verify')
    .argument('<job>', 'the id of a job')
    .description(
      'Compute the text of a job again, and compare. Exit code 5: it differs. Ctrl-C leaves the computation.',
    )
    .addHelpText('after', examples('prosemill verify JOB_ID'))
    .action(run(async (context, id: string) => await verify(context, id)));
}

/** The options of `addFilters`. */
interface FilterOptions {
  readonly search?: string;
  readonly metadata?: string[];
  readonly after?: string;
  readonly before?: string;
}

const addFilters = (command: Command): Command =>
  command
    .option('--search <words>', 'with these words in prompt or text')
    .option('--metadata <key:value...>', 'with these pairs', addFilterPair)
    .option('--after <time>', 'created at this time or later, such as 2026-01-31T12:00:00Z')
    .option('--before <time>', 'created before this time');

const filtersOf = ({ search, metadata, after, before }: FilterOptions): TextFilters => ({
  q: search,
  metadata,
  created_after: after,
  created_before: before,
});

interface JobListOptions extends FilterOptions {
  readonly status?: (typeof statuses)[number][];
  readonly count: number;
}

function addLists(program: Command, run: Run): void {
  addFilters(program.command('jobs'))
    .description('List jobs, newest first.')
    .addOption(new Option('--status <status...>', 'with one of these').choices(statuses))
    .option('-n, --count <number>', 'at most so many', wholeNumber, defaultCount)
    .addHelpText('after', examples('prosemill jobs --status queued running', 'prosemill jobs --search king -n 1000'))
    .action(
      run(
        async (context, { count, status, ...filters }: JobListOptions) =>
          await listJobs(context, { ...filtersOf(filters), status }, count),
      ),
    );
  addFilters(program.command('history'))
    .description('List finished texts, newest first.')
    .option('-n, --count <number>', 'at most so many', wholeNumber, defaultCount)
    .addHelpText('after', examples('prosemill history', `prosemill history --search '"old king"' -n 1000 --json`))
    .action(
      run(
        async (context, { count, ...filters }: FilterOptions & { count: number }) =>
          await listHistory(context, filtersOf(filters), count),
      ),
    );
  addFilters(program.command('export'))
    .description('Print all finished texts as lines of JSON, newest first.')
    .addHelpText('after', examples('prosemill export > texts.jsonl', 'prosemill export --metadata customer:4711'))
    .action(
      run(async (context, filters: FilterOptions) => {
        await listHistory({ ...context, isJson: true }, filtersOf(filters), Number.POSITIVE_INFINITY);
      }),
    );
  program
    .command('status')
    .description('Show the state of the service. Exit code 5: it is degraded.')
    .addHelpText('after', examples('prosemill status', 'prosemill status --json --url https://texts.example.com'))
    .action(run(async (context) => await showStatus(context)));
}

function addBatch(program: Command, run: Run): void {
  program
    .command('batch')
    .description('Many texts from a file.')
    .command('run')
    .argument('<file>', 'a line of JSON for each request: a prompt, or an object as for POST /generate')
    .description(
      'Generate the texts of a file. A run that was interrupted goes on where it was when it is started again.',
    )
    .option('-o, --output <file>', 'the results, a line of JSON each; default: <file>.results.jsonl')
    .option('-c, --concurrency <number>', 'the most jobs under way', wholeNumber, defaultConcurrency)
    .addHelpText(
      'after',
      examples(
        'prosemill batch run prompts.jsonl',
        `jq -c '{prompt: .title, custom_id: (.id|tostring), max_new_tokens: 40}' articles.jsonl > prompts.jsonl`,
      ),
    )
    .action(
      run(
        async (context, file: string, options: { output?: string; concurrency: number }) =>
          await runBatchFile(context, { file, resultsFile: options.output ?? `${file}.results.jsonl`, ...options }),
      ),
    );
}

function addKeys(program: Command, run: Run): void {
  const keys = program.command('keys').description('API keys, with the key of an administrator.');
  keys
    .command('create')
    .description('Make an API key. Its secret is printed only once.')
    .requiredOption('--owner <owner>', 'the owner of the jobs')
    .requiredOption('--name <name>', 'the purpose of the key')
    .addOption(new Option('--scopes <scopes...>', 'its rights; default: generate read').choices(scopes))
    .option('--expires-in-days <number>', 'default: never', (value) => {
      const days = Number(value);
      // JSON has no Infinity: the key would never expire.
      if (!(days > 0 && days < Infinity)) throw new InvalidArgumentError('It must be a number above 0.');
      return days;
    })
    .addHelpText('after', examples('prosemill keys create --owner acme --name website --expires-in-days 90'))
    .action(
      run(
        async (
          context,
          options: { owner: string; name: string; scopes?: (typeof scopes)[number][]; expiresInDays?: number },
        ) => {
          const { owner, name, scopes: rights = null, expiresInDays: days } = options;
          const expires = days === undefined ? null : Math.round(days * secondsPerDay);
          await createKey(context, { owner, name, scopes: rights, expires_in_seconds: expires });
        },
      ),
    );
  keys
    .command('list')
    .description('List the API keys of all owners, newest first.')
    .addHelpText('after', examples('prosemill keys list'))
    .action(run(async (context) => await listKeys(context)));
  keys
    .command('revoke')
    .argument('<key>', 'the id of a key')
    .description('Revoke an API key.')
    .addHelpText('after', examples('prosemill keys revoke KEY_ID'))
    .action(
      run(async ({ client, interrupted, output, isJson }, id: string) => {
        await client.revokeKey(id, { signal: interrupted });
        await (isJson ? output.writeJson({ id, revoked: true }) : output.write(`The key ${id} is revoked.\n`));
      }),
    );
}
