/** The API: services and routes on top of the ports. The caller brings the adapters. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { bucketOf, type HintSender, type Store, type WakeUps } from '@prosemill/core';
import type { Metrics, Tracing } from '@prosemill/telemetry';
import type { ApiEnv } from './api-env.ts';
import { createApiMetrics } from './api-metrics.ts';
import { type AppOptions, createApp } from './create-app.ts';
import { addBatchRoutes } from './routes/batches.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addGenerateRoute } from './routes/generate.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addHistoryRoutes } from './routes/history.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addLiveRoute } from './routes/live.ts';
import { addMachineRoute } from './routes/machine.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addPageRoutes } from './routes/page.ts';
import { addQueueRoutes } from './routes/queue.ts';
import { addRepeatRoutes } from './routes/repeats.ts';
import { addServiceIndexRoutes } from './routes/service-index.ts';
import { addStreamRoutes } from './routes/streams.ts';
import { addWebhookRoutes } from './routes/webhooks.ts';
import { EventStreams } from './http/event-streams.ts';
import { createIdentifyCaller } from './auth/identify-caller.ts';
import { EstimateErrors } from './services/estimate-errors.ts';
import { Estimates } from './services/estimates.ts';
import { JobChanges } from './services/job-changes.ts';
import { JobFeed, maxWatchersPerOwner } from './services/job-feed.ts';
import { KnownKeys } from './auth/known-keys.ts';
import { createLeaveJob } from './services/leave-job.ts';
import type { FindPage } from './page/find-page.ts';
import { createLook } from './services/look.ts';
import { Machine } from './services/machine.ts';
import { createPromptCheck } from './services/prompt-check.ts';
import { QueueBound } from './services/queue-bound.ts';
import { createSearchIndexer } from './services/search-indexer.ts';
import { createServedModel } from './services/served-model.ts';
import { ServiceState, type TransportProblems } from './services/service-state.ts';
import { StreamedTexts } from './services/streamed-texts.ts';
import { Tallies } from './services/tallies.ts';
import { createAdmitJobs } from './services/admit-jobs.ts';
import { createSubmitBatch } from './services/submit-batch.ts';
import { createSubmitJob } from './services/submit-job.ts';
import { createWatchText } from './services/watch-text.ts';
import { DeliverWebhooks } from './webhooks/deliver-webhooks.ts';
import { createSendMessage, type SendMessageOptions } from './webhooks/send-message.ts';
import { addCompletionRoute } from './routes/v1/completions.ts';
import { addModelRoutes } from './routes/v1/models.ts';

export interface ApiOptions extends Omit<AppOptions, 'identify' | 'isStopping' | 'observeRequest' | 'addRoutes'> {
  readonly store: Store;
  readonly hints: HintSender;
  readonly wakeUps: WakeUps;
  readonly transportProblems: TransportProblems;
  /** The registry of the process; the API registers its own metrics there. */
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly forbiddenWords: readonly string[];
  readonly maxAttempts: number;
  readonly maxQueueLength: number;
  readonly maxQueuedTokens: number;
  readonly webhooks: SendMessageOptions;
  readonly version: string;
  /** May be built for a while: a browser waits for it. Null: `GET /` is JSON for everybody. */
  readonly findPage: FindPage;
}

export interface Api {
  readonly app: OpenAPIHono<ApiEnv>;
  /** Counts connections that the server has cut because their clients did not read. */
  readonly countUnread: (connections: number) => void;
  /**
   * From now on the API is not ready, refuses new requests, answers every request that waits, and ends all streams, new
   * ones too.
   */
  beginShutdown(): void;
}

/** @throws when a route has no policy */
export function createApi(options: ApiOptions): Api {
  const { store, hints, wakeUps, transportProblems, logger, metrics, forbiddenWords, version, access, findPage } =
    options;
  let stopping = false;
  const isStopping = (): boolean => stopping;
  const state = new ServiceState({ store, transportProblems, logger });
  const hasOwners = access.auth === 'keys';
  const maxPerOwner = hasOwners ? maxWatchersPerOwner : Number.POSITIVE_INFINITY;
  const feed = new JobFeed({ jobs: store.jobs, wakeUps, logger, maxPerOwner });
  const jobChanges = new JobChanges({ jobs: store.jobs, wakeUps, logger });
  const api = createApiMetrics(metrics, {
    feed,
    state,
    countStreams: () => streams.count,
    countWebhooks: () => webhooks.count,
  });
  const { countAccepted, countRefused, observeRequest, countUnread } = api;
  const streams = new EventStreams({ countEvent: api.countStreamEvent });
  const streamedTexts = new StreamedTexts({ texts: store.texts, wakeUps, hints, logger, countRead: api.countTextRead });
  const watchText = createWatchText({ feed, streamedTexts });
  const servedModel = createServedModel({
    models: store.models,
    currentModel: async () => (await state.current()).model,
  });
  const checkPrompt = createPromptCheck({ servedModel, forbiddenWords });
  const tallies = new Tallies({ measures: store.measures, logger });
  const estimateErrors = new EstimateErrors({
    jobs: store.jobs,
    logger,
    observe(ratio) {
      api.observeEstimateError(ratio);
      tallies.add('estimate-error', bucketOf(1_000 * ratio));
    },
  });
  const look = createLook({ workers: store.workers, wakeUps, logger });
  const estimates = new Estimates({ jobs: store.jobs, state, errors: estimateErrors, look });
  const { maxQueueLength, maxQueuedTokens, maxAttempts } = options;
  const queueBound = new QueueBound({
    jobs: store.jobs,
    limits: { jobs: maxQueueLength, tokens: maxQueuedTokens },
    hasOwners,
    countRefused() {
      countRefused();
      tallies.add('refused');
    },
    retryAfterMs: () => estimates.untilRoomMs(),
  });
  const { tracing } = options;
  const checks = { checkPrompt, estimates, queueBound };
  const admitJobs = createAdmitJobs({ ...checks, hints, maxAttempts, countAccepted, tracing, logger });
  const { submitJob, submitAll, dryRun } = createSubmitJob({ ...checks, jobs: store.jobs, admitJobs });
  const submitBatch = createSubmitBatch({ batches: store.batches, admitJobs });
  const machine = new Machine({ measures: store.measures, state, look, maxQueueLength });
  const webhooks = new DeliverWebhooks({
    store,
    send: createSendMessage(options.webhooks),
    basePath: options.basePath ?? '',
    version,
    countAttempt: api.countWebhookAttempt,
    logger,
  });
  const searchIndexer = createSearchIndexer({ jobs: store.jobs, logger });
  feed.start();
  webhooks.start();
  searchIndexer.start();
  jobChanges.start();
  streamedTexts.start();
  estimateErrors.start();
  tallies.start();
  const leaveJob = createLeaveJob({ jobs: store.jobs, wakeUps, feed, isStopping, logger });

  const knownKeys = new KnownKeys({ keys: store.apiKeys, logger });
  const identify = createIdentifyCaller(access, knownKeys);
  const services = {
    store,
    hints,
    wakeUps,
    submitJob,
    dryRun,
    submitAll,
    submitBatch,
    feed,
    jobChanges,
    estimates,
    leaveJob,
    watchText,
    streams,
    machine,
    webhooks,
    knownKeys,
    identify,
    state,
    servedModel,
    metrics,
    findPage,
    version,
    isStopping,
  };
  const app = createApp({
    ...options,
    observeRequest,
    identify,
    isStopping,
    addRoutes(table) {
      addServiceIndexRoutes(table.add, services, { auth: access.auth, maxQueueLength });
      addGenerateRoute(table.add, services);
      addJobRoutes(table.add, services);
      addBatchRoutes(table.add, services);
      addRepeatRoutes(table.add, services);
      addStreamRoutes(table.add, services);
      addLiveRoute(table.add, services);
      addWebhookRoutes(table.add, services);
      addHistoryRoutes(table.add, services);
      addCompletionRoute(table.add, services);
      addModelRoutes(table.add, services);
      addHealthRoutes(table.add, services);
      addMetricsRoute(table.add, services);
      addQueueRoutes(table.add, services);
      addMachineRoute(table.add, services);
      addKeyRoutes(table.add, services);
      addPageRoutes(table.add, services);
      addDocsRoutes(table, { version, access });
    },
  });
  return {
    app,
    countUnread,
    beginShutdown() {
      stopping = true;
      streams.stop();
      machine.stop();
      void streamedTexts.stop();
      void feed.stop();
      void jobChanges.stop();
      void estimateErrors.stop();
      void tallies.stop();
      void webhooks.stop();
      void searchIndexer.stop();
    },
  };
}
