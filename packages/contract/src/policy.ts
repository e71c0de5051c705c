/** The policy of a route: the rules that a request meets before its handler. The middleware of the API reads it. */
import { createRoute, type RouteConfig } from '@hono/zod-openapi';
import type { Scope } from '@prosemill/core';
import { type ErrorPresenter, presentProblem } from './present-problem.ts';
import { presentOpenAiError } from './v1/open-ai-error.ts';

export type Rate = 'submit' | 'read';

export interface RoutePolicy {
  /**
   * The scope that the API key must have; of several, one is enough. `any`: so is a valid key. Null: open to everybody;
   * no key is read, and no rate limit applies.
   */
  readonly scope: Scope | readonly Scope[] | 'any' | null;
  /**
   * The token bucket of the key that is charged: `submit` to make jobs, `read` for everything else, the default. A
   * function for a route whose query decides.
   */
  readonly rate: Rate | ((query: URLSearchParams) => Rate);
  /** Tokens that one request takes from the bucket. Default: 1. */
  readonly cost: number;
  /**
   * For monitoring: logged at `debug`, answers while the process stops, and during an outage of the database accepts a
   * key that was valid before. Default: false.
   */
  readonly isProbe: boolean;
  /**
   * The answer is a stream, which a stopping process begins and ends at once: an `EventSource` comes back after the end
   * of a stream, but never after an error. Default: false.
   */
  readonly isStream: boolean;
  /** People open the path in a browser: a client that prefers HTML gets its errors as pages. Default: false. */
  readonly isPage: boolean;
  /** The size of the largest body; larger ones get 413. Default: 64 KiB. */
  readonly maxBodyBytes: number;
  /** The format of errors, including those of middleware. Default: RFC 9457. */
  readonly errors: ErrorPresenter;
}

/** The scopes of which an API key must have one; empty where none is needed. */
export const scopesOf = ({ scope }: Pick<RoutePolicy, 'scope'>): readonly Scope[] =>
  scope === null || scope === 'any' ? [] : typeof scope === 'string' ? [scope] : scope;

/** A route of the contract. A route that declares a body takes JSON. */
export type ContractRoute = RouteConfig & {
  readonly policy: RoutePolicy;
  /** The path as Hono writes it: `/jobs/:id`. */
  getRoutingPath(): string;
};

const defaults = {
  rate: 'read',
  cost: 1,
  isProbe: false,
  isStream: false,
  isPage: false,
  maxBodyBytes: 64 * 1024,
  errors: presentProblem,
} as const;

/** `createRoute` with a policy. Everything but `scope` has a default. */
export function defineRoute<Path extends string, Route extends Omit<RouteConfig, 'path'> & { path: Path }>(
  config: Route & { readonly policy: Pick<RoutePolicy, 'scope'> & Partial<RoutePolicy> },
): ReturnType<typeof createRoute<Path, Route & Pick<ContractRoute, 'policy'>>> {
  const policy: RoutePolicy = { ...defaults, ...config.policy };
  const route = createRoute<Path, Route & Pick<ContractRoute, 'policy'>>({ ...config, policy });
  // Not enumerable, like `getRoutingPath`: @hono/zod-openapi copies every enumerable member into the document.
  return Object.defineProperty(route, 'policy', { enumerable: false });
}

/** The policy of requests that match no route: they need a key with the scope of a read or a write. */
export const closedPolicy = (method: string, path: string): RoutePolicy => ({
  ...defaults,
  errors: path.startsWith('/v1/') ? presentOpenAiError : presentProblem,
  scope: method === 'GET' || method === 'HEAD' ? 'read' : 'generate',
});
