/** The same histories in every run. */
import * as fc from 'fast-check';

fc.configureGlobal({ seed: 1, numRuns: 1_000 });
