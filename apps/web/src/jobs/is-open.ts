import type { JobBody } from '@prosemill/contract';

/** The job has not ended. */
export const isOpen = ({ status }: Pick<JobBody, 'status'>): boolean => status === 'queued' || status === 'running';
