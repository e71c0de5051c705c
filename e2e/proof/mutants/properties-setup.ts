/** The same histories in every run; and no shrinking, because a bug has to be found, not explained. */
import * as fc from 'fast-check';

fc.configureGlobal({ seed: 1, numRuns: 1_000, endOnFailure: true });
