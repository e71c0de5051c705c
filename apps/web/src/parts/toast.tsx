/** The place of short messages. It is always there, because screen readers read changes only. */
import { toastText } from '../toast.ts';

export function Toast() {
  return (
    <div class="toast" role="status">
      {toastText}
    </div>
  );
}
