/** Deployment files: each against its published schema, and all against our configuration. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { apiConfigSchema } from '@prosemill/api';
import { generationRequestSchema, generationResponseSchema, livezRoute } from '@prosemill/contract';
import { workerConfigSchema } from '@prosemill/worker';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

/** The same schema as in apps/standalone, which exports none. */
const standaloneConfigSchema = workerConfigSchema.omit({ WORKER_PORT: true }).extend(apiConfigSchema.shape);

const known: ReadonlySet<string> = new Set([
  ...Object.keys(apiConfigSchema.shape),
  ...Object.keys(workerConfigSchema.shape),
]);

interface RenderService {
  readonly name: string;
  readonly envVars?: readonly { readonly key: string; readonly value?: string; readonly generateValue?: boolean }[];
  readonly dockerfilePath?: string;
  readonly dockerCommand?: string;
  readonly maxmemoryPolicy?: string;
  readonly maxShutdownDelaySeconds?: number;
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly steps: readonly {
    readonly run?: string;
    readonly uses?: string;
    readonly with?: Readonly<Record<string, unknown>>;
  }[];
  readonly strategy?: { readonly matrix: { readonly include?: readonly { readonly tests?: string }[] } };
}

const blueprints = ['render.yaml', 'infra/render-one-container.yaml'];
const renderServices = blueprints.flatMap(
  (path) => (parse(read(path)) as { readonly services: readonly RenderService[] }).services,
);

function renderService(name: string): RenderService {
  const service = renderServices.find((candidate) => candidate.name === name);
  if (service === undefined) throw new Error(`No blueprint has ${name}.`);
  return service;
}

/** The first and second column of a table of variables on a docs page: variable and process. */
function variablesOf(path: string): readonly { readonly name: string; readonly of: string }[] {
  const rows = read(path).matchAll(/^\|((?: `[A-Z_]+`,?)+) +\|([^|]*)\|/gm);
  return [...rows].flatMap(([, names = '', of = '']) =>
    [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => ({ name, of })),
  );
}

describe('deployment files', () => {
  it.each([
    ...blueprints.map((path) => ({ path, schema: 'render.yaml.schema.json' })),
    ...globSync('.github/workflows/*.yml', { cwd: root }).map((path) => ({
      path,
      schema: 'github-workflow.schema.json',
    })),
    { path: 'infra/compose.yaml', schema: 'compose.schema.json' },
  ])('$path is valid', ({ path, schema }) => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile(JSON.parse(read(`e2e/test-data/${schema}`)) as object);
    validate(parse(read(path), { merge: true }));
    expect(validate.errors).toBeNull();
  });

  it('a schema finds a mistake in render.yaml', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(JSON.parse(read('e2e/test-data/render.yaml.schema.json')) as object);
    const service = renderService('prosemill-api');
    expect(validate({ services: [service] })).toBe(true);
    expect(validate({ services: [{ ...service, runtime: 'dcoker' }] })).toBe(false);
  });

  it('.env.example names every variable, with its default', () => {
    const lines = read('.env.example').split('\n');
    const commented = lines.flatMap((line) => /^# ([A-Z_]+)=/.exec(line)?.[1] ?? []);
    const set = parseEnv(read('.env.example'));
    expect([...Object.keys(set), ...commented].toSorted()).toEqual([...known].toSorted());
    const withDefaults = { ...apiConfigSchema.parse({}), ...workerConfigSchema.parse({}) };
    const written = { ...apiConfigSchema.parse(set), ...workerConfigSchema.parse(set) };
    expect(written).toEqual(withDefaults);
  });

  it('README.md explains every variable', () => {
    const table = [...read('README.md').matchAll(/^\|([^|]*)\|/gm)].map(([, cell]) => cell ?? '').join(' ');
    for (const name of known) expect(table).toContain(`\`${name}\``);
  });

  it('README.md has a request and an answer that the contract accepts', () => {
    const [, asked = ''] = /-d '(\{.*?\})'/.exec(read('README.md')) ?? [];
    const [, answered = ''] = /```json\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    expect(generationRequestSchema.safeParse(JSON.parse(asked)).success).toBe(true);
    const answer = generationResponseSchema.parse(JSON.parse(answered));
    expect(answer.generated_text.startsWith((JSON.parse(asked) as { prompt: string }).prompt)).toBe(true);
  });

  it.each([
    ['prosemill-api', apiConfigSchema],
    ['prosemill-worker', workerConfigSchema],
    ['prosemill', standaloneConfigSchema],
  ] as const)('%s on Render sets only known variables, to valid values', (name, schema) => {
    const { envVars = [], dockerfilePath, dockerCommand } = renderService(name);
    const values = Object.fromEntries(envVars.map(({ key, value }) => [key, value]));
    expect(Object.keys(values).filter((key) => !(key in schema.shape))).toEqual([]);
    expect(() => schema.parse(values)).not.toThrow();
    expect(read(dockerfilePath ?? '')).toContain('CMD [');
    if (dockerCommand !== undefined) expect(read(dockerCommand.replace('node ', ''))).toContain('runProcess');
  });

  it.each(['prosemill-api', 'prosemill'])('%s on Render requires keys, and has an admin key', (name) => {
    const { envVars } = renderService(name);
    expect(envVars).toContainEqual({ key: 'AUTH', value: 'keys' });
    expect(envVars).toContainEqual({ key: 'ADMIN_KEY', generateValue: true });
    // A value as Render generates it: 256 bits in base64.
    const secret = Buffer.alloc(32, '\xfb\xef', 'latin1').toString('base64');
    expect(apiConfigSchema.parse({ ADMIN_KEY: secret }).ADMIN_KEY).toBe(secret);
  });

  it.each(['render.yaml', 'infra/render-one-container.yaml'])(
    '%s checks what no outage of the database changes',
    (path) => {
      expect([...read(path).matchAll(/healthCheckPath: (.*)/g)].map(([, checked]) => checked)).toEqual([
        livezRoute.path,
      ]);
    },
  );

  it.each(['prosemill-api', 'prosemill-worker', 'prosemill'])('%s on Render deletes jobs after 30 days', (name) => {
    expect(renderService(name).envVars).toContainEqual({ key: 'RETENTION_DAYS', value: '30' });
  });

  it('docs/deploy-render.md explains every variable', () => {
    const table = variablesOf('docs/deploy-render.md');
    const namesOf = (app: string) => table.filter(({ of }) => of.includes(app)).map(({ name }) => name);
    expect(namesOf('API').toSorted()).toEqual(Object.keys(apiConfigSchema.shape).toSorted());
    expect(namesOf('worker').toSorted()).toEqual(Object.keys(workerConfigSchema.shape).toSorted());
  });

  it('the worker image leaves the number format to the quality gate, which it runs on the model that it holds', () => {
    const lines = read('Dockerfile.worker');
    expect(lines).not.toMatch(/MODEL_DTYPE=\w/);
    expect(lines).toMatch(/download-model\.ts[^#]*&& node apps\/worker\/src\/quality\.ts --for-image/);
  });

  it('Render gives a worker enough time to stop, and its Redis never evicts a hint', () => {
    for (const name of ['prosemill-worker', 'prosemill']) {
      const { envVars, maxShutdownDelaySeconds } = renderService(name);
      const grace = Number(envVars?.find(({ key }) => key === 'SHUTDOWN_GRACE_SECONDS')?.value);
      // A stop while Postgres hangs takes 25 s more; see docs/operations.md.
      expect(maxShutdownDelaySeconds).toBeGreaterThan(grace + 25);
    }
    expect(renderService('prosemill-redis').maxmemoryPolicy).toBe('noeviction');
  });

  it.each(globSync('.github/workflows/*.yml', { cwd: root }))(
    '%s may only read, and runs commands of the desk',
    (path) => {
      const { permissions, jobs } = parse(read(path)) as Workflow;
      expect(permissions).toEqual({ contents: 'read' });
      const steps = Object.values(jobs).flatMap((job) => job.steps);
      for (const { uses, with: options } of steps)
        if (uses?.startsWith('actions/checkout@')) expect(options?.['persist-credentials']).toBe(false);
      const unknown = steps.flatMap(({ run = [] }) => run).filter((command) => !isCommandOfTheDesk(command));
      expect(unknown).toEqual([]);
    },
  );

  it('every package has the version of the service, which the API and the spans give', () => {
    const manifests = globSync(['package.json', 'packages/*/package.json', 'apps/*/package.json'], { cwd: root });
    const versions = manifests.map((path) => (JSON.parse(read(path)) as { readonly version: string }).version);
    expect(new Set(versions).size).toBe(1);
  });

  it('compose sets only known variables', () => {
    const { services } = parse(read('infra/compose.yaml'), { merge: true }) as {
      services: Record<string, { environment?: Record<string, string> }>;
    };
    const names = ['api', 'worker', 'migrate'].flatMap((name) => Object.keys(services[name]?.environment ?? {}));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(names).toContain('DATABASE_URL');
  });

  it.each(['Dockerfile.api', 'Dockerfile.worker'])('%s begins with a slim base that can be another', (path) => {
    const [base, ...more] = [...read(path).matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    // A tag here, or a digest where Renovate pins it.
    expect(read(path)).toMatch(/^ARG NODE_IMAGE=docker\.io\/library\/node:24-slim(?:@sha256:[0-9a-f]{64})?$/m);
    expect(new Set([base, ...more])).toEqual(new Set(['${NODE_IMAGE}']));
  });

  it.each(['Dockerfile.api', 'Dockerfile.worker'])(
    '%s copies the packages that its app needs, and no others',
    (path) => {
      const [install = ''] = /^FROM \S+ AS install$[^]*?^FROM /m.exec(read(path)) ?? [];
      const copied = [...install.matchAll(/^COPY ((?:packages|apps)\/\w+) /gm)].map(([, folder]) => folder ?? '');
      expect(copied.toSorted()).toEqual(dependenciesOf(path === 'Dockerfile.api' ? 'apps/api' : 'apps/standalone'));
      const installed = [...install.matchAll(/^COPY (\S+)\/package\.json /gm)].map(([, folder]) => folder ?? '');
      expect(installed).toEqual(copied);
    },
  );
});

/** The folders of a package and its workspace dependencies. */
function dependenciesOf(folder: string, found: Set<string> = new Set()): string[] {
  if (found.has(folder)) return [];
  found.add(folder);
  const { dependencies = {} } = JSON.parse(read(`${folder}/package.json`)) as { dependencies?: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    if (!name.startsWith('@prosemill/')) continue;
    const short = name.slice('@prosemill/'.length);
    dependenciesOf(['api', 'worker'].includes(short) ? `apps/${short}` : `packages/${short}`, found);
  }
  return [...found].toSorted();
}

/**
 * Whether a command exists: a script of package.json, a system program, a program of this repository, or a line of
 * README.md.
 */
function isCommandOfTheDesk(command: string): boolean {
  const [, script] = /^npx -y pnpm@12 (\S+)/.exec(command) ?? [];
  if (script === undefined) return existsSync(`${root}${command}`) || read('README.md').includes(`\n${command}\n`);
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: object };
  return script in scripts || ['install', 'audit'].includes(script);
}
