/**
 * The entry point of the profiling process. Its arguments are the model's folder and a data folder. It loads the engine
 * and sends its {@link EngineProfile} to the parent.
 */
import { argv } from 'node:process';
import { createScenarios } from '../scenarios.ts';
import { readPromptMaker } from '../work.ts';
import { profileEngine } from './profile-engine.ts';

const [folder = '', dataFolder = ''] = argv.slice(2);
const { work } = createScenarios(await readPromptMaker(folder)).queue32;
const profile = await profileEngine({ folder, dataFolder, work });
process.send?.(profile, () => process.exit(0));
