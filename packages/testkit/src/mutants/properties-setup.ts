/** A bug has to be found, by the same histories in every run, and not to be told as a short story. */
import * as fc from 'fast-check';

fc.configureGlobal({ seed: 1, numRuns: 1_000, endOnFailure: true });
