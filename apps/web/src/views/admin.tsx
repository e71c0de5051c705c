/** The administration of the service: its queue and its keys. */
import { KeysPanel } from '../admin/keys-panel.tsx';
import { QueuePanel } from '../admin/queue-panel.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import './admin.css';

export function View() {
  return (
    <>
      <ViewHeading title="Admin" />
      <div class="grid">
        <QueuePanel />
        <KeysPanel />
      </div>
    </>
  );
}
