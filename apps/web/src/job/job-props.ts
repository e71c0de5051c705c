import type { Sample } from '../playground/sample.ts';

/** The properties of the parts of a job's page. */
export interface JobProps {
  readonly id: string;
  /** The job and its text, which may be on their way. */
  readonly sample: Sample;
}
