/** The service in two processes on Postgres. */
import { describeBadInput } from './bad-input-suite.ts';
import { describeService } from './service-suite.ts';
import { launchPostgresOnly } from './sizes.ts';

describeService('on Postgres only', launchPostgresOnly);
describeBadInput('on Postgres only', launchPostgresOnly);
