/** One batch: how far its jobs are, and the way to each of them. */
import { useComputed } from '@preact/signals';
import { BatchPage } from '../batch/batch-page.tsx';
import { place } from '../router.ts';
import './batch.css';

export function View() {
  const id = useComputed(() => place.value.path[1] ?? '').value;
  return <BatchPage key={id} id={id} />;
}
