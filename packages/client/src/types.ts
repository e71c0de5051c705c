/** The bodies of the HTTP contract, under the names of this package. The build writes them out, without zod. */
import type { BatchRequestBody, GenerationRequestBody, RetryRequestBody } from '@prosemill/contract/types';

export type {
  BatchBody as Batch,
  DeliveryBody as Delivery,
  DeliverySummaryBody as DeliverySummary,
  DryRunBody as DryRun,
  ExportedTextBody as ExportedText,
  ExportLinkBody as ExportLink,
  GenerationBody as Generation,
  GenerationRecordBody as GenerationRecord,
  Health,
  JobBody as Job,
  JobEventLog,
  KeyBody as ApiKey,
  KeyRequestBody as ApiKeyRequest,
  MachineBody as Machine,
  MeBody as Me,
  NewKeyBody as NewApiKey,
  Problem,
  QueueBody as Queue,
  ServiceIndex,
  Verification,
} from '@prosemill/contract/types';

/** Strings of the client, which every answer about the job shows. */
interface HasMetadata {
  readonly metadata?: Readonly<Record<string, string>> | null;
}

export type GenerationRequest = Omit<GenerationRequestBody, 'metadata'> & HasMetadata;
/** A request of a batch, with a name that is unique in it. */
export type BatchItem = Omit<BatchRequestBody['requests'][number], 'metadata'> & HasMetadata;
export type RetryRequest = Omit<RetryRequestBody, 'metadata'> & HasMetadata;
