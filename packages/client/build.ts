/**
 * Builds the package into `dist/`, as plain JavaScript with types: Node runs no TypeScript inside node_modules. The
 * bodies of the contract are written out as plain types, so that users need neither zod nor hono.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API, NodeBuilderFlags } from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
const contract = '@prosemill/contract/types';

function buildClient(): void {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  writeFileSync(join(dist, 'contract.d.ts'), writeOutTypes(fileURLToPath(import.meta.resolve(contract))));
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const compiler = join(typescript, 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  const types = join(dist, 'types.d.ts');
  writeFileSync(types, readFileSync(types, 'utf8').replaceAll(contract, './contract.js'));
}

/** @returns the exported types of a module without a reference to any other type */
function writeOutTypes(path: string): string {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] }).getProjects();
    const file = project?.program.getSourceFile(path);
    const module = file === undefined ? undefined : project?.checker.getSymbolAtLocation(file);
    if (project === undefined || module === undefined) throw new Error(`There are no types in ${path}.`);
    const { checker } = project;
    const flags =
      NodeBuilderFlags.NoTruncation | NodeBuilderFlags.InTypeAlias | NodeBuilderFlags.MultilineObjectLiterals;
    return checker
      .getExportsOfModule(module)
      .map((symbol) => {
        const text = checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, flags);
        return `export type ${symbol.name} = ${text};\n`;
      })
      .join('');
  } finally {
    api.close();
  }
}

buildClient();
