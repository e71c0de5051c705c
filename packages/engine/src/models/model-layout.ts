/** Finds the files of a model in a folder or repository, and the engine that can run it. */
import { AppError } from '@prosemill/core';
import type { DecoderShape } from '../decoder/decoder-shape.ts';
import { familyNames, familyOf } from '../families/families.ts';
import { generationConfigName } from './end-of-text.ts';
import type { FileSource } from './file-source.ts';
import { type Dtype, type Engine, onnxDataFiles, onnxFile, type Variant } from './model-files.ts';
import { findJson, type JsonFile } from './model-json.ts';
import { refusalText, refuse, shown } from './model-refusals.ts';
import { findTensorFiles, type TensorFiles } from './tensor-files.ts';
import { findTokenizerFiles } from './tokenizer-files.ts';

export interface ModelLayout extends Variant {
  readonly config: JsonFile;
  readonly shape: DecoderShape | null;
  readonly weights: readonly string[];
  readonly tokenizer: readonly string[];
  /** All files that the engine needs, config.json first. */
  readonly files: readonly string[];
}

/** The model and the number format that it should run in. */
interface Candidate {
  readonly source: FileSource;
  readonly config: JsonFile;
  readonly shape: DecoderShape | null;
  readonly dtype: Dtype;
}

const configName = 'config.json';

/**
 * @param wanted  Engines in order of preference: the first that can run the model is taken.
 * @throws {AppError} `engine_unavailable` with the reason, when none can run it
 */
export async function findLayout(source: FileSource, wanted: readonly Engine[], dtype: Dtype): Promise<ModelLayout> {
  const config = await readConfig(source);
  const shape = familyOf(config.fields)?.readShape(config) ?? null;
  const reasons: Partial<Record<Engine, string>> = {};
  for (const engine of wanted) {
    const found = await finders[engine]({ source, config, shape, dtype });
    if (typeof found === 'string') {
      reasons[engine] = found;
      continue;
    }
    const tokenizer = await findTokenizerFiles(source, config);
    const generation = (await source.has(generationConfigName)) ? [generationConfigName] : [];
    const files = [configName, ...found.files, ...tokenizer, ...generation];
    return { engine, dtype, config, shape, weights: found.weights, tokenizer, files };
  }
  throw new AppError('engine_unavailable', { message: reasonOf(reasons, shape) });
}

/** Joins the reasons. A lack of ONNX files is not mentioned for a model of a family that needs none. */
function reasonOf({ batched, transformers }: Partial<Record<Engine, string>>, shape: DecoderShape | null): string {
  if (batched === undefined) return transformers ?? '';
  return transformers === undefined || shape !== null ? batched : `${batched}; ${transformers}`;
}

async function readConfig(source: FileSource): Promise<JsonFile> {
  const { model } = source;
  const config = await findJson(source, configName);
  const adapter = await findJson(source, 'adapter_config.json');
  if (adapter !== null) throw refuse('adapter', { model, base: shown(adapter.fields['base_model_name_or_path']) });
  if (config === null) throw refuse('missing-file', { model, path: configName });
  return config;
}

/** Finds the files for each engine, or the reason why the engine cannot run the model. */
const finders: Readonly<Record<Engine, (candidate: Candidate) => Promise<TensorFiles | string>>> = {
  async batched({ source, config }) {
    const family = familyOf(config.fields);
    if (family === null) {
      const value = shown(config.fields['model_type']);
      return refusalText('other-family', { file: config.file, value, known: familyNames.join(', ') });
    }
    return family.findUnsupported(config) ?? (await findTensorFiles(source));
  },
  async transformers({ source, config, dtype }) {
    const { model } = source;
    const path = onnxFile(dtype);
    if (!(await source.has(path))) return refusalText('no-onnx', { model, path });
    const data = onnxDataFiles(config, dtype);
    for (const dataPath of data) {
      if (!(await source.has(dataPath))) return refusalText('no-onnx', { model, path: dataPath });
    }
    return { weights: [path, ...data], files: [path, ...data] };
  },
};
