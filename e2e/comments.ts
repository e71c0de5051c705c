/** The rules for comments that a machine can check. `pnpm check:format` runs this file over all TypeScript sources. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const maxColumns = 120;
const comment = /^\s*(?:\/\/|\/?\*)|\s\/\/ /;
const vagueOpening = /\/\*\*\s+(?:\*\s+)?(Of|What|Who|Whoever)\b/g;

const isForeign = (name: string): boolean => ['node_modules', 'data', 'dist'].includes(name);

/** @returns a line `path:line: message` for each comment that breaks a rule */
export function findBadComments(path: string, text: string): readonly string[] {
  const long = text.split('\n').flatMap((line, index) => {
    if (line.length <= maxColumns || !comment.test(line)) return [];
    return [`${path}:${index + 1}: the comment ends at column ${line.length}; wrap it at column ${maxColumns}`];
  });
  const vague = [...text.matchAll(vagueOpening)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    return `${path}:${line}: the docstring begins with "${match[1]}"; begin with the subject`;
  });
  return [...long, ...vague];
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const paths = globSync('**/*.{ts,tsx}', { cwd: root, exclude: isForeign });
  const found = paths.toSorted().flatMap((path) => findBadComments(path, readFileSync(`${root}${path}`, 'utf8')));
  if (found.length > 0) {
    process.stderr.write(`${found.join('\n')}\n${found.length} comments break the house style (CONTRIBUTING.md).\n`);
    process.exitCode = 1;
  }
}
