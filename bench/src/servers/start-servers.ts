/** Starts the servers that are compared. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from '../contestants/contestant.ts';
import { launchMeasuredService } from '../measured-service.ts';
import { ggufName } from '../model/model-shape.ts';
import type { PromptMaker } from '../scenarios.ts';
import { buildLlamaServer, installPython, installVllm, run, runOnce, sourceFolder } from './install.ts';
import { askLlama, askOpenAi, askProsemill, askPython, openAiModel, type Protocol } from './protocols.ts';
import { createServedContestant } from './served.ts';
import { launchServer, type Server } from './server.ts';

export const serverNames = {
  prosemill: 'Prosemill int8',
  prosemillPostgres: 'Prosemill int8, API and worker on Postgres',
  openVino: 'OpenVINO GenAI int8',
  llama: 'llama.cpp Q8_0',
  cTranslate2: 'CTranslate2 int8, static batches',
  vllm: 'vLLM bf16',
  fastApi: 'FastAPI and transformers fp32',
} as const;

export interface ServersOptions {
  readonly model: string;
  readonly peers: string;
  readonly promptOf: PromptMaker;
  /** Called with what is done next. */
  readonly onStep: (text: string) => void;
  /** Called with the reason when a contestant does not take part. */
  readonly onMissing: (reason: string) => void;
}

export type ServerKey = keyof typeof serverNames;

interface Definition {
  readonly ask: Protocol;
  readonly launch: (options: ServersOptions) => Promise<Server>;
}

const cores = availableParallelism();
const slots = 32;
/** The longest text with its prompt: llama.cpp's smallest context of a slot. The work needs 277. */
const positions = 512;

const definitions: Readonly<Record<ServerKey, Definition>> = {
  prosemill: { ask: askProsemill, launch: async (options) => await launchProsemill('SQLite', options) },
  prosemillPostgres: { ask: askProsemill, launch: async (options) => await launchProsemill('Postgres', options) },
  openVino: { ask: askPython, launch: launchOpenVino },
  llama: { ask: askLlama, launch: launchLlama },
  cTranslate2: { ask: askPython, launch: launchCTranslate2 },
  vllm: { ask: askOpenAi, launch: launchVllm },
  fastApi: { ask: askPython, launch: launchFastApi },
};

/** Starts all servers, one after the other. Each is suspended except while it works. */
export async function startServers(options: ServersOptions): Promise<Readonly<Partial<Record<ServerKey, Contestant>>>> {
  const started: Partial<Record<ServerKey, Contestant>> = {};
  const shortWork = { ...options.promptOf(8), newTokens: 8 };
  for (const [key, { ask, launch }] of Object.entries(definitions) as [ServerKey, Definition][]) {
    const name = serverNames[key];
    options.onStep(`starts ${name}`);
    try {
      started[key] = await createServedContestant({ name, server: await launch(options), ask, shortWork });
    } catch (error) {
      options.onMissing(`${name} does not take part: ${String(error)}; data/bench/peers/logs has its output.`);
    }
  }
  return started;
}

async function launchProsemill(database: 'SQLite' | 'Postgres', { model }: ServersOptions): Promise<Server> {
  const settings = { MODEL: model, ENGINE: 'batched', MODEL_DTYPE: 'int8', WORKERS: String(slots), LOG_LEVEL: 'info' };
  return await launchMeasuredService({ database, settings });
}

async function launchOpenVino(options: ServersOptions): Promise<Server> {
  const programs = await installPython(options.peers, 'python', options);
  const folder = join(options.model, 'openvino');
  const python = join(programs, 'python');
  const script = join(sourceFolder, 'export_openvino.py');
  await runOnce(stepOf('openvino', 'writes the model for OpenVINO', options), async () => {
    // OpenVINO sends no telemetry where it takes itself to run in CI.
    await run('env', ['CI=true', python, script, options.model, folder]);
  });
  return await launchPython('openvino', folder, options);
}

async function launchCTranslate2(options: ServersOptions): Promise<Server> {
  const programs = await installPython(options.peers, 'python', options);
  const folder = join(options.model, 'ctranslate2');
  const target = ['--output_dir', folder, '--force', '--quantization', 'int8', '--copy_files', 'tokenizer.json'];
  await runOnce(stepOf('ctranslate2', 'writes the model for CTranslate2', options), async () => {
    await run(join(programs, 'ct2-transformers-converter'), ['--model', options.model, ...target]);
  });
  return await launchPython('ctranslate2', folder, options);
}

async function launchFastApi(options: ServersOptions): Promise<Server> {
  await installPython(options.peers, 'python', options);
  return await launchPython('fastapi', options.model, options);
}

/** Converted models lie in the folder of the model, which is emptied when the model changes. */
const stepOf = (name: string, title: string, { model, onStep }: ServersOptions) => ({
  marker: join(model, `${name}.done`),
  input: '',
  title,
  onStep,
});

const launchPython = async (name: string, model: string, { peers }: ServersOptions): Promise<Server> =>
  await launchServer({
    program: join(peers, 'python/bin/python'),
    argsFor: (port) => [join(sourceFolder, `${name}_server.py`), model, port],
    logFile: logFileOf(peers, name),
  });

async function launchLlama(options: ServersOptions): Promise<Server> {
  const programs = await installPython(options.peers, 'python', options);
  const program = await buildLlamaServer(options.peers, programs, options);
  const threads = ['-t', String(cores), '-tb', String(cores)];
  const batching = ['-np', String(slots), '-c', String(slots * positions), '-cb', '-fa', 'on', '-cram', '0'];
  const model = ['-m', join(options.model, ggufName), '--no-webui'];
  return await launchServer({
    program,
    argsFor: (port) => [...model, '--host', '127.0.0.1', '--port', port, ...batching, ...threads],
    logFile: logFileOf(options.peers, 'llama'),
  });
}

async function launchVllm(options: ServersOptions): Promise<Server> {
  const programs = await installVllm(options.peers, options);
  const cache = join(options.peers, 'vllm-cache');
  const environment = [
    'VLLM_TARGET_DEVICE=cpu',
    'VLLM_CPU_KVCACHE_SPACE=2',
    `VLLM_CPU_OMP_THREADS_BIND=0-${cores - 1}`,
    `VLLM_CACHE_ROOT=${cache}`,
    `VLLM_CONFIG_ROOT=${cache}`,
    'VLLM_NO_USAGE_STATS=1',
    'VLLM_LOGGING_LEVEL=WARNING',
    'HF_HUB_OFFLINE=1',
  ];
  const model = ['serve', options.model, '--served-model-name', openAiModel, '--dtype', 'bfloat16'];
  const limits = ['--max-num-seqs', String(slots), '--max-model-len', String(positions), '--no-enable-prefix-caching'];
  return await launchServer({
    program: 'env',
    argsFor: (port) => {
      const address = ['--host', '127.0.0.1', '--port', port];
      return [...environment, join(programs, 'vllm'), ...model, ...limits, ...address];
    },
    logFile: logFileOf(options.peers, 'vllm'),
  });
}

const logFileOf = (peers: string, name: string): string => join(peers, 'logs', `${name}.log`);
