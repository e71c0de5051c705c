/** The service in one process on SQLite. */
import { describeBadInput } from './bad-input-suite.ts';
import { describeService } from './service-suite.ts';
import { launchEmbedded } from './sizes.ts';

describeService('embedded', launchEmbedded);
describeBadInput('embedded', launchEmbedded);
