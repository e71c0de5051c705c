/** A DNS look-up for connections that may go to public addresses only. */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** The error of a host with an address that is not public. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

/** The part of Node's `dns.lookup` that is used. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Checks exactly the addresses that the connection then uses: a name that changes between a check and the connect finds
 * no gap. One address that is not public refuses the host.
 */
export const guardedLookup =
  (lookup: LookupAll = systemLookup): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refused = error === null && addresses.find(({ address }) => !isPublicAddress(address));
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) {
        callback(Object.assign(error ?? new Error('The host has no address.'), { code: 'ENOTFOUND' }), '');
      } else if (refused) callback(new AddressRefusedError(`${hostname} has the address ${refused.address}.`), '');
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

/** Connections to an address in the URL itself look nothing up. @throws {AddressRefusedError} */
export function requirePublicHost({ hostname }: URL): void {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) === 0 || isPublicAddress(address)) return;
  throw new AddressRefusedError(`${address} is not public.`);
}
