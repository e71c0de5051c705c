/** The bodies of the HTTP contract, under the names of this package. The build writes them out, without zod. */
import type { GenerationRequestBody, RetryRequestBody } from '@prosemill/contract/types';

export type {
  DryRunBody as DryRun,
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
  ServiceIndex,
  Verification,
} from '@prosemill/contract/types';

/** Strings of the client, which every answer about the job shows. */
interface HasMetadata {
  readonly metadata?: Readonly<Record<string, string>> | null;
}

export type GenerationRequest = Omit<GenerationRequestBody, 'metadata'> & HasMetadata;
export type RetryRequest = Omit<RetryRequestBody, 'metadata'> & HasMetadata;
