/** The look-ups of connections, which may have to go to public addresses only. */
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import type { ResolveHost } from './resolve-host.ts';

/** The error of a host with an address that is not public. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

/** The error of a host without an address, or without a name server that tells it. */
export class AddressUnknownError extends Error {
  override readonly name = 'AddressUnknownError';
}

/** Looks up the addresses of a connection. */
export const createLookup =
  (resolveHost: ResolveHost): LookupFunction =>
  (hostname, options, callback) => {
    const answer = ([first, ...others]: readonly LookupAddress[]): void => {
      if (first === undefined) callback(new AddressUnknownError(`${hostname} has no address.`), '');
      else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    };
    const fail = (cause: unknown): void => {
      const isRefused = cause instanceof AddressRefusedError;
      callback(isRefused ? cause : new AddressUnknownError(`${hostname} was not looked up.`, { cause }), '');
    };
    void resolveHost(hostname).then(answer, fail);
  };

/**
 * Checks exactly the addresses that the connection then uses: a name that changes between a check and the connect finds
 * no gap. One address that is not public refuses the host.
 * @throws {AddressRefusedError}
 */
export const guardHost =
  (resolveHost: ResolveHost): ResolveHost =>
  async (hostname) => {
    const addresses = await resolveHost(hostname);
    const refused = addresses.find(({ address }) => !isPublicAddress(address));
    if (refused === undefined) return addresses;
    throw new AddressRefusedError(`${hostname} has the address ${refused.address}.`);
  };

/** Connections to an address in the URL itself look nothing up. @throws {AddressRefusedError} */
export function requirePublicHost({ hostname }: URL): void {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) === 0 || isPublicAddress(address)) return;
  throw new AddressRefusedError(`${address} is not public.`);
}
