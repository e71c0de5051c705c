/** The API: routes on top of the ports. Whoever builds it gives it the adapters. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { AppError, type HintSender, type Logger, type RateLimiter, type Store, type WakeUps } from '@prosemill/core';
import type { Metrics, Tracing } from '@prosemill/telemetry';
import type { Access } from './access.ts';
import type { ApiEnv } from './api-env.ts';
import type { TrustedProxies } from './client-address.ts';
import { createApiMetrics } from './api-metrics.ts';
import type { ApiServices } from './api-services.ts';
import { authenticate, requireScope } from './middleware/authenticate.ts';
import { crossOrigin, refuseForeignHosts, refuseForeignPages } from './middleware/cross-origin.ts';
import { limitBody, requireJson, requireUtf8 } from './middleware/json-body.ts';
import { limitRate } from './middleware/limit-rate.ts';
import { requestContext, type RequestContextOptions } from './middleware/request-context.ts';
import { sayHttpsOnly, securityHeaders, treatAsData } from './middleware/security-headers.ts';
import { strictQuery } from './middleware/strict-query.ts';
import { closeWhileStopping, refuseWhileStopping } from './middleware/while-stopping.ts';
import { invalidHeader, invalidRequest, onError, problemResponse, wrongValuesOf } from './on-error.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addGenerateRoute } from './routes/generate.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addHistoryRoutes } from './routes/history.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addQueueRoutes } from './routes/queue.ts';
import { createIdentifyCaller, type IdentifyCaller } from './services/identify-caller.ts';
import { JobFeed, maxWatchersPerOwner } from './services/job-feed.ts';
import { KnownKeys } from './services/known-keys.ts';
import { createPromptCheck } from './services/prompt-check.ts';
import { QueueBound } from './services/queue-bound.ts';
import { ServiceState, type TransportProblems } from './services/service-state.ts';
import { createSubmitJob } from './services/submit-job.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly rateLimiter: RateLimiter;
  readonly transportProblems: TransportProblems;
  readonly logger: Logger;
  /** Of the process; the API registers its own there. */
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly forbiddenWords: readonly string[];
  /** Attempts at a job before a transient error is final. */
  readonly maxAttempts: number;
  /** Jobs that may wait at once. */
  readonly maxQueueLength: number;
  /** Of one key; 0: no limit. */
  readonly submitsPerMinute: number;
  /** Who may use it. */
  readonly access: Access;
  /** Whose word on a client's address is taken. */
  readonly trustedProxies: TrustedProxies;
  /** BASE_PATH, such as `/api`; not set: what a trusted proxy says. */
  readonly basePath: string | undefined;
  /** Of pages that may use the API, and of its own where it has a name and no keys; usually none. */
  readonly corsOrigins: readonly string[];
  readonly version: string;
}

export interface Api {
  readonly app: OpenAPIHono<ApiEnv>;
  /** From now on: not ready, new requests are refused, and everybody who waits gets an answer. */
  beginShutdown(): void;
}

export function createApi(options: ApiOptions): Api {
  const { store, hints, wakeUps, transportProblems, logger, metrics, forbiddenWords, version } = options;
  let stopping = false;
  const state = new ServiceState({ store, transportProblems, logger });
  const hasOwners = options.access.auth === 'keys';
  const maxPerOwner = hasOwners ? maxWatchersPerOwner : Number.POSITIVE_INFINITY;
  const feed = new JobFeed({ jobs: store.jobs, wakeUps, logger, maxPerOwner });
  const { countAccepted, countRefused, observeRequest } = createApiMetrics(metrics, { feed, state });
  const checkPrompt = createPromptCheck({
    models: store.models,
    forbiddenWords,
    currentModel: async () => (await state.current()).model,
  });
  const queueBound = new QueueBound({
    jobs: store.jobs,
    maxQueueLength: options.maxQueueLength,
    hasOwners,
    countRefused,
  });
  const submitJob = createSubmitJob({
    jobs: store.jobs,
    hints,
    checkPrompt,
    queueBound,
    maxAttempts: options.maxAttempts,
    countAccepted,
    tracing: options.tracing,
    logger,
  });
  feed.start();

  const knownKeys = new KnownKeys({ keys: store.apiKeys, logger });
  const identify = createIdentifyCaller({ access: options.access, knownKeys });
  const services = {
    store,
    hints,
    wakeUps,
    submitJob,
    feed,
    knownKeys,
    state,
    metrics,
    version,
    isStopping: () => stopping,
  };
  return {
    app: createApp(services, { ...options, observeRequest, identify }),
    beginShutdown() {
      stopping = true;
      feed.stop();
    },
  };
}

type AppOptions = RequestContextOptions &
  Pick<ApiOptions, 'access' | 'corsOrigins' | 'rateLimiter' | 'submitsPerMinute'> & {
    readonly identify: IdentifyCaller;
  };

/** Where a POST makes a job. */
const submitPaths = ['/generate', '/jobs'] as const;

function createApp(services: ApiServices, options: AppOptions): OpenAPIHono<ApiEnv> {
  const { trustedProxies, corsOrigins } = options;
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      throw result.target === 'header' ? invalidHeader(result.error) : invalidRequest(wrongValuesOf(result.error));
    },
  });
  app.use(requestContext(options), closeWhileStopping(services.isStopping));
  app.use(securityHeaders, sayHttpsOnly(trustedProxies), treatAsData);
  if (options.access.auth === 'off') app.use(refuseForeignHosts(corsOrigins));
  // Before the key is looked at: a preflight has none.
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  app.use(refuseForeignPages(corsOrigins));
  app.use(authenticate(options.identify), limitRate({ ...options, submitPaths }), requireScope);
  app.use(strictQuery(app));
  for (const path of [...submitPaths, '/admin/keys']) app.post(path, requireJson, limitBody, requireUtf8);
  // After the body has been read: a connection that closes on an unread one is reset, and the answer is lost.
  app.use(refuseWhileStopping(services.isStopping));
  addGenerateRoute(app, services);
  addJobRoutes(app, services);
  addHistoryRoutes(app, services);
  addHealthRoutes(app, services);
  addMetricsRoute(app, services);
  addQueueRoutes(app, services);
  addKeyRoutes(app, services);
  addDocsRoutes(app, { version: services.version, access: options.access });
  app.onError(onError);
  const allowedMethods = methodsOf(app);
  app.notFound((c) => {
    const allowed = allowedMethods(c.req.path);
    if (allowed.length === 0)
      return problemResponse(c, new AppError('not_found', { message: 'There is no such path.' }));
    c.header('Allow', allowed.join(', '));
    return problemResponse(c, new AppError('method_not_allowed', { message: `Allowed here: ${allowed.join(', ')}.` }));
  });
  return app;
}

/** Which methods a path has, so that a wrong one is told apart from a wrong path. */
function methodsOf(app: OpenAPIHono<ApiEnv>): (path: string) => readonly string[] {
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`) }));
  return (path) => {
    const methods = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    // Hono answers HEAD wherever it answers GET.
    return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
  };
}
