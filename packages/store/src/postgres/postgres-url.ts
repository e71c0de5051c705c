/** Checks the URL of a Postgres before the driver, which reports some mistakes late, and some as bugs of its own. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorLine, isPercentEncoded } from '@prosemill/core';

/** No problem repeats a part of the URL that may be a password. */
export interface CheckedUrl {
  /** Rewritten, so that the driver gives the TLS parameters libpq's meaning. */
  readonly url: string;
  readonly problems: readonly string[];
}

/** Parameters that libpq and the driver both know. */
const tlsParameters = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'uselibpqcompat'];
const namingParameters = ['application_name', 'fallback_application_name', 'options', 'client_encoding'];
const knownParameters = new Set(['host', 'port', 'user', 'password', ...namingParameters, ...tlsParameters]);

/** The values of the driver's parameter `ssl`, as libpq's `sslmode`. */
const modesOfSsl: ReadonlyMap<string, string> = new Map([
  ['true', 'verify-full'],
  ['1', 'verify-full'],
  ['0', 'disable'],
]);
const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
/** The driver's own name for `require`. */
const driversModes: ReadonlyMap<string, string> = new Map([['no-verify', 'require']]);

/** The parts of a URL, still encoded. */
const parts = /^postgres(?:ql)?:\/\/(?<authority>[^/?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/s;

export function readPostgresUrl(url: string): CheckedUrl {
  const { authority = '', path = '', query = '' } = parts.exec(url)?.groups ?? {};
  const problems = [...problemsOfEncoding(url, authority, path), ...problemsOfPlace(authority, path)];
  if (problems.length > 0) return { url, problems };
  const parameters = new URLSearchParams(query);
  problems.push(...problemsOfParameters(parameters));
  if (problems.length === 0) problems.push(...chooseTls(parameters, isSocket(authority, parameters)));
  if (problems.length === 0 && !URL.canParse(url.replace('@/', '@host/'))) problems.push('is not a URL');
  const [base = ''] = url.split('?');
  return { url: parameters.size === 0 ? base : `${base}?${parameters.toString()}`, problems };
}

/** Finds characters that end a part of a URL: a password that contains one of them unencoded is misread. */
function problemsOfEncoding(url: string, authority: string, path: string): string[] {
  const problems: string[] = [];
  if (/%(?![\da-f]{2})/i.test(url))
    problems.push('has a % that is not followed by two hexadecimal digits: write % as %25');
  else if (!isPercentEncoded(url)) problems.push('has percent-encoded bytes that are not UTF-8');
  if (url.includes('%00')) problems.push('has a zero byte (%00) in it, which ends a text for Postgres');
  if (url.includes('#')) problems.push('has a # in it: write # as %23');
  if (/\s/.test(url)) problems.push('has a blank in it: write it as %20');
  const isCutShort = !authority.includes('@') && /:(?!\d*$)/.test(authority.replace(/^\[.*\]/, ''));
  if (authority.split('@').length > 2) problems.push('has an @ in the user or the password: write @ as %40');
  else if (
    (isCutShort || !authority.includes('@')) &&
    url.slice(url.indexOf('://') + 3 + authority.length).includes('@')
  ) {
    problems.push(
      path.includes('@') || isCutShort
        ? 'has a / or ? in the user or the password, or an @ in the database: write / as %2F, ? as %3F, @ as %40'
        : 'has an @ in a parameter: write @ as %40',
    );
  }
  return problems;
}

function problemsOfPlace(authority: string, path: string): string[] {
  const hostAndPort = authority.slice(authority.lastIndexOf('@') + 1);
  const { host, port } = /^(?<host>\[[\da-f:.%]+\]|[^:[\]]*)(?::(?<port>.*))?$/is.exec(hostAndPort)?.groups ?? {};
  const problems: string[] = [];
  if (hostAndPort.includes(',')) problems.push('names several hosts, and the driver takes one');
  else if (host === undefined)
    problems.push('has no readable host: write an IPv6 address in brackets, as in [::1]:5432');
  if (port !== undefined && port !== '' && !isPort(port)) problems.push('must have a port from 1 to 65535, in digits');
  const database = path.slice(1);
  if (database === '') problems.push('names no database: postgres://USER:PASSWORD@HOST:PORT/DATABASE');
  else if (database.includes('/')) problems.push("has more than a database's name in its path");
  else if (reserved.test(database)) {
    problems.push("has an encoded character in the database's name that the driver does not decode: use another name");
  }
  return problems;
}

/** Percent-codes that `decodeURI` keeps, because their characters separate parts of a URL. */
const reserved = /%(?:2[346bcf]|3[abdf]|40)/i;

const isPort = (port: string): boolean => /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;

function isSocket(authority: string, parameters: URLSearchParams): boolean {
  const host = parameters.get('host') ?? decodeURIComponent(authority.slice(authority.lastIndexOf('@') + 1));
  return host.startsWith('/');
}

function problemsOfParameters(parameters: URLSearchParams): string[] {
  const problems = [...new Set(parameters.keys())]
    .filter((name) => !knownParameters.has(name))
    .map((name) => `has the unknown parameter ${JSON.stringify(name)}; known are ${[...knownParameters].join(', ')}`);
  // The driver takes the last value, and the checks here see the first.
  for (const name of knownParameters) {
    if (parameters.getAll(name).length > 1) problems.push(`has the parameter ${name} more than once`);
  }
  if (parameters.get('host')?.includes(',') === true) problems.push('names several hosts, and the driver takes one');
  const port = parameters.get('port');
  if (port !== null && !isPort(port)) problems.push('port must be from 1 to 65535, in digits');
  const encoding = parameters.get('client_encoding');
  if (encoding !== null && !/^utf-?8$/i.test(encoding)) problems.push('client_encoding must be UTF8');
  const negotiation = parameters.get('sslnegotiation');
  if (negotiation !== null && negotiation !== 'postgres' && negotiation !== 'direct') {
    problems.push('sslnegotiation must be postgres or direct');
  }
  return problems;
}

/**
 * Rewrites the TLS parameters, so that the driver gives them libpq's meaning.
 * @returns their problems
 */
function chooseTls(parameters: URLSearchParams, hasSocket: boolean): readonly string[] {
  const ssl = parameters.get('ssl');
  if (ssl !== null && parameters.has('sslmode')) return ['has ssl and sslmode: leave ssl out'];
  if (ssl !== null && !modesOfSsl.has(ssl) && !driversModes.has(ssl)) {
    return [`ssl must be true; instead of other values write sslmode=${modes.join(', sslmode=')}`];
  }
  const files = ['sslrootcert', 'sslcert', 'sslkey'].filter((name) => parameters.has(name));
  const given = ssl === null ? parameters.get('sslmode') : (modesOfSsl.get(ssl) ?? ssl);
  const isTls = files.length > 0 || parameters.get('sslnegotiation') === 'direct';
  const mode = given === null ? (isTls ? 'verify-full' : null) : (driversModes.get(given) ?? given);
  parameters.delete('ssl');
  if (mode === null) return [];
  if (mode === 'allow' || mode === 'prefer') {
    return [`sslmode=${mode} leaves open whether the connection is encrypted: write disable or require`];
  }
  if (!modes.some((known) => known === mode)) return [`sslmode must be one of ${modes.join(', ')}`];
  if (mode === 'disable' || hasSocket) {
    for (const name of [...files, 'sslnegotiation']) parameters.delete(name);
    parameters.set('sslmode', 'disable');
    return [];
  }
  return setMode(parameters, mode);
}

function setMode(parameters: URLSearchParams, mode: string): readonly string[] {
  // libpq's word for the certificates that the system trusts. The driver would open a file of that name.
  const isSystem = parameters.get('sslrootcert') === 'system';
  if (isSystem) parameters.delete('sslrootcert');
  parameters.set('sslmode', isSystem ? 'verify-full' : mode);
  parameters.set('uselibpqcompat', 'true');
  if (parameters.get('sslmode') === 'verify-ca' && !parameters.has('sslrootcert')) {
    return ['sslmode=verify-ca needs the file of a certificate authority: add sslrootcert, or write verify-full'];
  }
  if (parameters.has('sslcert') !== parameters.has('sslkey')) return ['sslcert and sslkey go together'];
  return problemsOfFiles(parameters);
}

function problemsOfFiles(parameters: URLSearchParams): readonly string[] {
  const contents: Record<string, Buffer> = {};
  for (const [name, option] of [
    ['sslrootcert', 'ca'],
    ['sslcert', 'cert'],
    ['sslkey', 'key'],
  ] as const) {
    const path = parameters.get(name);
    if (path === null) continue;
    try {
      contents[option] = readFileSync(path);
    } catch (error) {
      return [`${name}: ${path} cannot be read: ${errorLine(error)}`];
    }
    if (!contents[option].includes('-----BEGIN ')) return [`${name}: ${path} is not in PEM format`];
  }
  try {
    createSecureContext(contents);
    return [];
  } catch (error) {
    return [`sslrootcert, sslcert and sslkey cannot be used: ${errorLine(error)}`];
  }
}
