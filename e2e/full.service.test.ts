/** The service in two processes on Postgres and Redis. */
import { describeBadInput } from './bad-input-suite.ts';
import { describeService } from './service-suite.ts';
import { launchFull } from './sizes.ts';

describeService('on Postgres and Redis', launchFull);
describeBadInput('on Postgres and Redis', launchFull);
