/** One job: its text as it is written, its times, its life, its facts. */
import { useComputed } from '@preact/signals';
import { JobPage } from '../job/job-page.tsx';
import { place } from '../router.ts';
import './job.css';

export function View() {
  const id = useComputed(() => place.value.path[1] ?? '').value;
  return <JobPage key={id} id={id} />;
}
