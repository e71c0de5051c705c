/** The status of a job: an icon with a shape of its own, and a word. */
import type { JobBody } from '@prosemill/contract';
import type { ComponentChildren } from 'preact';
import { Icon } from './icons.tsx';

export interface StatusLabelProps {
  readonly status: JobBody['status'];
  /** Default: the status. */
  readonly children?: ComponentChildren;
}

export function StatusLabel({ status, children = status }: StatusLabelProps) {
  return (
    <span class={`status ${status}`}>
      <Icon name={status} />
      <span>{children}</span>
    </span>
  );
}
