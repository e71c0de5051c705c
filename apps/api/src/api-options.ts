import type { Adapters } from '@prosemill/composition';
import { accessOf } from './auth/access.ts';
import type { ApiConfig } from './config.ts';
import type { ApiOptions } from './create-api.ts';

/** The options of an API with this configuration and the adapters of its process. */
export const apiOptions = (
  config: Readonly<ApiConfig>,
  { queue, ...adapters }: Adapters,
  findPage: ApiOptions['findPage'],
): ApiOptions => ({
  ...adapters,
  hints: queue.sender,
  wakeUps: queue.wakeUps,
  rateLimiter: queue.rateLimiter,
  transportProblems: queue.problems,
  forbiddenWords: config.FORBIDDEN_WORDS,
  maxAttempts: config.MAX_ATTEMPTS,
  maxQueueLength: config.MAX_QUEUE_LENGTH,
  maxQueuedTokens: config.MAX_QUEUED_TOKENS,
  submitsPerMinute: config.RATE_LIMIT_PER_MINUTE,
  access: accessOf(config),
  trustedProxies: config.TRUSTED_PROXIES,
  webhooks: { isGuarded: !config.WEBHOOK_ALLOW_PRIVATE },
  basePath: config.BASE_PATH,
  corsOrigins: config.CORS_ORIGINS,
  findPage,
});
