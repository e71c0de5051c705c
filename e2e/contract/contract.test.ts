import { launchEmbedded, launchPostgresOnly } from '../sizes.ts';
import { describeContract } from './contract-suite.ts';

describeContract('embedded', async () => await launchEmbedded({ WORKERS: '' }));
describeContract('Postgres only', launchPostgresOnly);
