/** Addresses of servers: HOST as people write it, and errors in words. */
import type { Server } from 'node:net';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

export interface ListenAddress {
  /** From {@link parseHost}. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The variable that sets the port, such as `PORT`. */
  readonly portName: string;
}

const maxNameLength = 253;
/** A label of RFC 1123, or one with the underscores of container networks. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/**
 * A name whose last label is a number would be read as an IPv4 address in an odd form, such as 0, 127.1 or 0x7f000001.
 * @see https://url.spec.whatwg.org/#ends-in-a-number-checker
 */
const numericLabel = /^(?:[0-9]+|0x[0-9a-f]*)$/i;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @returns an IP address without the brackets of URLs, or a name; null for anything else, see {@link hostProblem} */
export function parseHost(text: string): string | null {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  if (bare !== undefined) return isIPv6(bare) ? bare : null;
  return isIP(text) !== 0 || isName(text) ? text : null;
}

/** The reason why {@link parseHost} refuses a text. */
export function hostProblem(text: unknown): string {
  const given = String(text);
  const expected = 'must be an IP address or a name of this machine, such as 127.0.0.1, 0.0.0.0 or ::';
  if (given.includes('/')) return `${expected}, not a URL or a block of addresses`;
  const [, host = '', port] = /^(.*):([0-9]+)$/.exec(given) ?? [];
  if (port !== undefined && parseHost(host) !== null && !isIPv6(host))
    return `${expected}; the port belongs in a variable of its own`;
  if (given === '*') return `${expected}; for all addresses of this machine it is 0.0.0.0 or ::`;
  if (isIPv4Like(given)) return `${expected}; IPv4 addresses have four plain decimal parts`;
  return expected;
}

/**
 * True when only this machine reaches a server at this address. A name other than localhost may lead anywhere.
 * @param host  From {@link parseHost}.
 */
export function isLoopback(host: string): boolean {
  if (/^localhost\.?$/i.test(host)) return true;
  // A zone, as in ::1%lo, names the interface.
  const [address = ''] = host.split('%');
  if (isIPv4(address)) return loopback.check(address, 'ipv4');
  // The block list matches IPv4-mapped IPv6 addresses too.
  return isIPv6(address) && loopback.check(address, 'ipv6');
}

/** Resolves when the server listens. @throws {Error} with a sentence about the address */
export async function listen(server: Server, address: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new Error(listenProblem(cause.code ?? '', address), { cause }));
    });
    server.listen(address.port, address.host, resolve);
  });
}

function listenProblem(code: string, { host, port, portName }: ListenAddress): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${portName} ${port} of HOST ${host} is in use by another program: stop it, or set ${portName} to another port`;
    case 'EACCES':
      return `this user may not open ${portName} ${port} of HOST ${host}: set ${portName} to a port from 1024 on, or give the right to`;
    case 'EADDRNOTAVAIL':
      return `HOST ${host} is no address of this machine, so that ${portName} ${port} cannot be opened there: set HOST to one of its own, or to 0.0.0.0 for all`;
    case 'EAFNOSUPPORT':
      return `this machine has no addresses of the sort of HOST ${host}, so that ${portName} ${port} cannot be opened there: set HOST to 0.0.0.0 or 127.0.0.1`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST ${host} is a name without an address, so that ${portName} ${port} cannot be opened there: set HOST to an address`;
    default:
      return `${portName} ${port} of HOST ${host} cannot be opened`;
  }
}

function isName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  return text.length <= maxNameLength && labels.every((part) => label.test(part)) && !isIPv4Like(text);
}

const isIPv4Like = (text: string): boolean => numericLabel.test(text.replace(/\.$/, '').split('.').at(-1) ?? '');
