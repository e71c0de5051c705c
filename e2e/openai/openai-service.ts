/** The service with API keys, for tests with OpenAI's clients. */
import type { JobBody } from '@prosemill/contract';
import { createClient, type Request } from '../http-client.ts';
import type { Environment, Service } from '../launch.ts';
import { launchEmbedded } from '../sizes.ts';

const adminKey = 'an-admin-key-for-tests-0123456789+/=';
const asAdmin = { Authorization: `Bearer ${adminKey}` };

export interface OpenAiService extends Service {
  readonly request: Request;
  /** The base URL that clients of OpenAI's API take. */
  readonly baseUrl: string;
  /** @returns the secret of a new key, with a rate limit of its own */
  makeKey(): Promise<string>;
  /** Workers begin no jobs until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** The job of this key, when it has ended. */
  jobOf(secret: string, id: string | null): Promise<JobBody>;
}

export async function launchOpenAiService(environment: Environment): Promise<OpenAiService> {
  const service = await launchEmbedded({ AUTH: 'keys', ADMIN_KEY: adminKey, ...environment });
  const request = await createClient(service.url);
  const queueTo = async (to: 'pause' | 'resume') =>
    void (await request(`/admin/queue/${to}`, { method: 'POST', headers: asAdmin }));
  return {
    ...service,
    request,
    baseUrl: `${service.url}/v1`,
    async makeKey() {
      const json = { owner: 'acme', name: 'for a test', scopes: ['generate', 'read'] };
      return (await request<{ secret: string }>('/admin/keys', { headers: asAdmin, json })).body.secret;
    },
    pause: async () => await queueTo('pause'),
    resume: async () => await queueTo('resume'),
    async jobOf(secret, id) {
      const headers = { Authorization: `Bearer ${secret}` };
      return (await request<JobBody>(`/jobs/${id}?wait=60`, { headers })).body;
    },
  };
}
