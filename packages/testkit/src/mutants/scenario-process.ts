/** Plays a scenario on the store as this process loads it, and writes its history to standard output. Arguments: its name, a database. */
import { toJsonLines } from '../history/history.ts';
import type { OpenStore } from './scenario-world.ts';
import { playScenario, type ScenarioName } from './scenarios.ts';

const [name = '', url = ''] = process.argv.slice(2);
// No import of this package: like the mutants, it names a file of another one and knows it by its port.
const store = new URL('../../../store/src/index.ts', import.meta.url).href;
const { openStore } = (await import(store)) as { readonly openStore: OpenStore };
process.stdout.write(toJsonLines(await playScenario(name as ScenarioName, { openStore, url })));
