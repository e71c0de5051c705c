/**
 * Plays a scenario on the store of this process, which may have a mutant, and prints the history. Arguments: scenario,
 * database URL.
 */
import { toJsonLines } from '../history/history.ts';
import { playScenario, type ScenarioName } from './scenarios.ts';

const [name = '', databaseUrl = ''] = process.argv.slice(2);
process.stdout.write(toJsonLines(await playScenario(name as ScenarioName, databaseUrl)));
