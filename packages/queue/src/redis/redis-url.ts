/** Finds everything in REDIS_URL that ioredis would misread, or fail on later. */
import { isPercentEncoded } from '@prosemill/core';

/** The largest value of an `int` in Redis's configuration. */
const maxDatabase = 2 ** 31 - 1;
/** The only parameter that is allowed: ioredis takes every parameter as an option, which wins over ours. */
const familyValues: ReadonlySet<string> = new Set(['0', '4', '6']);

/** @returns a clause for each problem, without any part of the URL: it may be the password */
export function redisUrlProblems(url: string): readonly string[] {
  const spelling = spellingProblem(url);
  if (spelling !== null) return [spelling];
  if (!URL.canParse(url)) {
    return [
      'must be a URL such as redis://user:password@host:6379/0; in user and password, characters such as # / ? @ : and % must be percent-encoded, and the port is at most 65535',
    ];
  }
  const parsed = new URL(url);
  return [
    hostProblem(parsed),
    credentialsProblem(parsed),
    databaseProblem(parsed),
    ...parameterProblems(parsed),
  ].filter((problem) => problem !== null);
}

function spellingProblem(url: string): string | null {
  if (/^["'`]|["'`]$/.test(url.trim())) return 'has quotes around it';
  if (/[\s\p{Cc}]/u.test(url)) return 'has blanks or line breaks in it';
  if (/^https?:/i.test(url))
    return 'must be redis://… or rediss://…; an http address belongs to a REST API, which is not supported';
  if (/^(?:rediss?[-+])?sentinels?:|^rediss?[-+]sentinel:/i.test(url)) {
    return 'must be redis://… or rediss://…; Sentinel is not supported: name the primary, or a proxy that follows it';
  }
  if (/^(?:unix:|redis[-+](?:socket|unix):|\/)/i.test(url))
    return 'must be redis://… or rediss://…; Unix sockets are not supported';
  if (!/^rediss?:\/\//.test(url)) return 'must begin with redis:// or, for TLS, rediss://';
  return null;
}

function hostProblem({ hostname, port }: URL): string | null {
  if (hostname === '') return 'has no host';
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(hostname)) return 'must name one host, by its name or address';
  return port === '0' ? 'has the port 0' : null;
}

function credentialsProblem({ username, password, hash }: URL): string | null {
  if (hash !== '') return 'has a # in it; in user and password it must be written %23';
  if (isPercentEncoded(username + password)) return null;
  return 'has a % in user or password that is not a percent-encoding; a % must be written %25';
}

function databaseProblem({ pathname }: URL): string | null {
  if (pathname === '' || pathname === '/') return null;
  const isNumber = /^\/(?:0|[1-9]\d*)$/.test(pathname) && Number(pathname.slice(1)) <= maxDatabase;
  return isNumber ? null : 'may have only a database number such as /0 after the host';
}

function parameterProblems({ searchParams }: URL): readonly (string | null)[] {
  return [...searchParams].map(([name, value]) => {
    if (name !== 'family') return `has an unknown parameter ${JSON.stringify(name)}; only family is known`;
    return familyValues.has(value) ? null : 'family must be 4 (IPv4), 6 (IPv6) or 0 (both)';
  });
}
