import { every } from '@prosemill/core';
import { gateCalls } from './gate-calls.ts';
import { describeServiceConformance } from './service.ts';

describeServiceConformance('a loop', async () => {
  const calls = gateCalls({ step: async () => undefined });
  const service = every({ intervalMs: 1_000, step: calls.part.step, onError: () => undefined });
  return { service, calls, close: async () => undefined };
});
