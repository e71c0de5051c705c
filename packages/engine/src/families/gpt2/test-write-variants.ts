/** Writes the variants of GPT-2, for `make_gpt2_variants.py`: `node test-write-variants.ts FOLDER`. */
import { join } from 'node:path';
import { argv } from 'node:process';
import { writeGpt2Folder } from '@prosemill/testkit';
import { variants } from './test-variants.ts';

const [, , folder = ''] = argv;
for (const [name, options] of variants) await writeGpt2Folder(join(folder, name), options);
