/** Downloads from the service. */
import { openDownload, type PageProblem } from './api.ts';
import { needsKeys } from './service-state.ts';
import { keyFor } from './session.ts';
import { toast } from './toast.ts';

/**
 * Saves an answer as a file. Without keys the browser writes it to the disk as it comes. A link sends no key, so with
 * one the page reads the whole answer first; browsers may keep large ones on the disk.
 * @returns the problem, if there was one
 */
export async function download(path: string, name: string): Promise<PageProblem | null> {
  if (keyFor(path) === null && !needsKeys.value) {
    pressLink(path, name);
    return null;
  }
  toast('The download begins when all of it has come.');
  const answer = await openDownload(path);
  if (!answer.ok) return answer.problem;
  const url = URL.createObjectURL(answer.body);
  pressLink(url, name);
  // The browser takes the content of the link when it follows it, which is after this task.
  setTimeout(() => URL.revokeObjectURL(url), keptMs);
  return null;
}

const keptMs = 60_000;

function pressLink(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
}
