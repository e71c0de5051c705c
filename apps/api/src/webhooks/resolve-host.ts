/**
 * The addresses of a host. Node's `dns.lookup` waits in one of four threads, which all look-ups and the file system
 * share: a few name servers that never answer would hold up everything else. The queries of this file need no thread.
 */
import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

export interface ResolveHostOptions {
  /** Default: those of /etc/resolv.conf. */
  readonly nameServers?: readonly string[] | undefined;
  /** The longest look-up, with all repetitions. Default: 5 s. */
  readonly timeoutMs?: number;
}

/** Empty: the host has no address. @throws when no name server answers, or when it reports a failure */
export type ResolveHost = (hostname: string) => Promise<readonly LookupAddress[]>;

const defaultTimeoutMs = 5_000;
/** The next query goes to the next name server. */
const queryTimeoutMs = 1_500;
const queries = 3;

/** This machine by definition (RFC 6761), whatever a name server answers. */
const localhost = /^(.+\.)?localhost$/;
const loopback: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
/** The answers of a name server that knows of no address. */
const absent: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** Like the system: /etc/hosts first, then the name servers with the search domains of /etc/resolv.conf. */
export const createResolveHost = ({
  nameServers,
  timeoutMs = defaultTimeoutMs,
}: ResolveHostOptions = {}): ResolveHost =>
  async function resolveHost(hostname) {
    if (localhost.test(hostname.replace(/\.$/, ''))) return loopback;
    const known = addressesIn(await readSystemFile('/etc/hosts'), hostname);
    if (known.length > 0) return known;
    const names = namesToAsk(await readSystemFile('/etc/resolv.conf'), hostname);
    // A resolver of its own can be canceled without the others, and knows changes of resolv.conf.
    const resolver = new Resolver({ timeout: queryTimeoutMs, tries: queries });
    if (nameServers !== undefined) resolver.setServers(nameServers);
    const timer = setTimeout(() => resolver.cancel(), timeoutMs);
    try {
      for (const name of names) {
        const addresses = await ask(resolver, name);
        if (addresses.length > 0) return addresses;
      }
      return [];
    } finally {
      clearTimeout(timer);
    }
  };

/** The addresses of both families; those of one when the query for the other fails. */
async function ask(resolver: Resolver, name: string): Promise<readonly LookupAddress[]> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
  const failure = failures.find((error) => !('code' in error && absent.has(error.code)));
  if (addresses.length === 0 && failure !== undefined) throw failure;
  return addresses.map((address) => ({ address, family: isIP(address) }));
}

/** The addresses of a name in the text of a hosts file. */
export function addressesIn(hosts: string, hostname: string): readonly LookupAddress[] {
  const name = hostname.replace(/\.$/, '').toLowerCase();
  return linesOf(hosts).flatMap(([address = '', ...names]) => {
    const isNamed = isIP(address) > 0 && names.some((each) => each.toLowerCase() === name);
    return isNamed ? [{ address, family: isIP(address) }] : [];
  });
}

/**
 * Returns the names to ask for, in order: the hostname itself, and with each search domain. A hostname without a dot is
 * asked for with the domains first, and one that ends with a dot without them.
 * @param resolvConf  The text of a resolv.conf, which has the search domains.
 */
export function namesToAsk(resolvConf: string, hostname: string): readonly string[] {
  if (hostname.endsWith('.')) return [hostname];
  const searches = linesOf(resolvConf).filter(([keyword = '']) => keyword === 'search' || keyword === 'domain');
  const domains = searches.at(-1)?.slice(1) ?? [];
  const longer = domains.filter((domain) => domain !== '.').map((domain) => `${hostname}.${domain}`);
  return hostname.includes('.') ? [hostname, ...longer] : [...longer, hostname];
}

/** The words of each line, without comments. */
const linesOf = (text: string): readonly (readonly string[])[] =>
  text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .split(/\s+/)
      .filter((word) => word !== ''),
  );

/** Empty where there is no such file. */
const readSystemFile = async (path: string): Promise<string> => await readFile(path, 'utf8').catch(() => '');
