/** The process that profiles the engine: loads it itself, and sends its {@link EngineProfile} to whoever has started it with the model's folder and one for data. */
import { argv } from 'node:process';
import { createScenarios } from '../scenarios.ts';
import { readPromptMaker } from '../work.ts';
import { profileEngine } from './profile-engine.ts';

const [folder = '', dataFolder = ''] = argv.slice(2);
const { work } = createScenarios(await readPromptMaker(folder)).queue32;
const profile = await profileEngine({ folder, dataFolder, work });
process.send?.(profile, () => process.exit(0));
