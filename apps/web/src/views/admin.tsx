/** The administration of the service: its queue, its keys and its webhooks. */
import { KeysPanel } from '../admin/keys-panel.tsx';
import { QueuePanel } from '../admin/queue-panel.tsx';
import { WebhooksPanel } from '../admin/webhooks-panel.tsx';
import { ViewHeading } from '../parts/view-heading.tsx';
import './admin.css';

export function View() {
  return (
    <>
      <ViewHeading title="Admin" />
      <div class="grid">
        <QueuePanel />
        <KeysPanel />
        <WebhooksPanel />
      </div>
    </>
  );
}
