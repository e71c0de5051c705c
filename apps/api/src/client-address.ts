/** Who is at the other end: the address that our own proxies vouch for, never one that a client has made up. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isWholeNumber } from '@prosemill/core';
import { z } from 'zod';
import { isBasePath } from './base-path.ts';
import { headerLines } from './header-lines.ts';

/** How many proxies stand before this process, or which addresses are theirs. */
export type TrustedProxies = number | BlockList;

type RequestHead = Pick<IncomingMessage, 'rawHeaders'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/** TRUSTED_PROXIES: a number of hops, or addresses and CIDR blocks, comma-separated. */
export const trustedProxiesSchema = z.string().transform((text, context): TrustedProxies => {
  if (isWholeNumber(text, { min: 0, max: 99 })) return Number(text);
  const proxies = new BlockList();
  for (const part of text.split(',')) {
    if (!addBlock(proxies, part.trim())) {
      context.addIssue({ code: 'custom', message: 'must be a number of proxies, or addresses and CIDR blocks' });
      return z.NEVER;
    }
  }
  return proxies;
});

/**
 * Counted from the right of `X-Forwarded-For`: each proxy appends whom it has heard from, so only what our own have written is
 * true, and whatever a client sends stands to its left.
 * @returns an IP address; '' for a client that is gone already
 */
export const clientAddress = (head: RequestHead, trusted: TrustedProxies): string => lookBack(head, trusted).client;

/** Whether the request reached the outermost of our own proxies by https: counted as the address is, where they append to the header. */
export function isHttps(head: RequestHead, trusted: TrustedProxies): boolean {
  const { hops } = lookBack(head, trusted);
  const schemes = entriesOf(head, 'x-forwarded-proto');
  return hops > 0 && schemes.at(-Math.min(hops, schemes.length))?.trim() === 'https';
}

/**
 * The path that our own proxies have taken off, the outermost first, as each appends its part to `X-Forwarded-Prefix`.
 * @returns '' for none, and for one that is no path
 */
export function forwardedPrefix(head: RequestHead, trusted: TrustedProxies): string {
  const { hops } = lookBack(head, trusted);
  if (hops === 0) return '';
  const parts = entriesOf(head, 'x-forwarded-prefix').slice(-hops);
  const prefix = parts.map((part) => part.trim().replace(/\/$/, '')).join('');
  return isBasePath(prefix) ? prefix : '';
}

/** From the peer to the first that is not a proxy of ours. @returns `hops`: our own proxies that the request came through */
function lookBack(head: RequestHead, trusted: TrustedProxies): { readonly client: string; readonly hops: number } {
  const forwarded = entriesOf(head, 'x-forwarded-for');
  let client = plainAddress(head.socket.remoteAddress ?? '') ?? '';
  let hops = 0;
  while (isTrusted(client, hops, trusted)) {
    hops += 1;
    const before = plainAddress(forwarded.pop() ?? '');
    // Not an address: nobody knows who that was, so the last one known answers for it.
    if (before === null) break;
    client = before;
  }
  return { client, hops };
}

const entriesOf = (head: RequestHead, name: string): string[] => headerLines(head, name).join(',').split(',');

function isTrusted(address: string, hops: number, trusted: TrustedProxies): boolean {
  if (typeof trusted === 'number') return hops < trusted;
  return address !== '' && trusted.check(address, familyOf(address));
}

/** Without brackets and port, which some proxies write; an IPv4 address in IPv6 clothes as what it is. Null: not an address. */
function plainAddress(text: string): string | null {
  const trimmed = text.trim().toLowerCase();
  const bare = /^\[(.*)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  const plain = /^::ffff:(\d+(?:\.\d+){3})$/.exec(bare)?.[1] ?? bare;
  return isIP(plain) === 0 ? null : plain;
}

function addBlock(blocks: BlockList, text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (isIP(address) === 0 || rest.length > 0) return false;
  const family = familyOf(address);
  if (prefix === undefined) {
    blocks.addAddress(address, family);
    return true;
  }
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 'ipv4' ? 32 : 128)) return false;
  blocks.addSubnet(address, Number(prefix), family);
  return true;
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
