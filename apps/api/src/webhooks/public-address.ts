/** Tells addresses of the public Internet from all others. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * WireServer of Azure, which gives a machine its credentials. It is in public space, unlike the metadata services of
 * the other clouds, whose addresses are link-local, shared or private.
 */
const wireServer = '168.63.129.16';
/** All addresses of the public IPv6 Internet. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * False for private, loopback, link-local, shared (CGNAT), multicast, documentation and reserved addresses, and for
 * those of cloud metadata; in IPv6 also for those that contain an IPv4 address (NAT64, 6to4, Teredo). An IPv4-mapped
 * address counts as its IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js also takes the short forms of IPv4, such as 127.1.
  if (isIP(address) === 0 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast' || parsed.toString() === wireServer) return false;
  return parsed.kind() === 'ipv4' || parsed.match(globalUnicast);
}
