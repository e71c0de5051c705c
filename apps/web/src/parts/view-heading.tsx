/** The heading of a view. It takes the focus when the reader comes from another view. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { pageTitle } from '../page-title.ts';

export interface ViewHeadingProps {
  readonly title: string;
  /** Default: the title. */
  readonly children?: ComponentChildren;
}

export function ViewHeading({ title, children = title }: ViewHeadingProps) {
  useEffect(() => {
    pageTitle.value = title;
  }, [title]);
  return (
    <h1 id="view-title" tabIndex={-1}>
      {children}
    </h1>
  );
}
