import { describeHintQueueConformance, describeWakeUpsConformance } from '@prosemill/testkit';
import { createInProcessQueue } from './in-process-queue.ts';

describeHintQueueConformance('memory', async () => {
  const queue = createInProcessQueue();
  return { open: () => queue, keepsHints: false, close: async () => undefined };
});

describeWakeUpsConformance('memory', async () => {
  const queue = createInProcessQueue();
  return { ends: [queue, queue], close: async () => undefined };
});
