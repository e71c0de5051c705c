/** The client's address and scheme, as trusted proxies report them. The client's own claims never count. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isWholeNumber } from '@prosemill/core';
import { z } from 'zod';
import { isBasePath } from './base-path.ts';
import { headerLines } from './header-lines.ts';

/** The number of proxies before this process, or their addresses. */
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
 * Counts from the right of `X-Forwarded-For`: each proxy appends the address of its peer, so the entries of trusted
 * proxies stand rightmost, and the entries that a client sends stand to their left.
 * @returns an IP address; '' for a client that has disconnected
 */
export const clientAddress = (head: RequestHead, trusted: TrustedProxies): string => lookBack(head, trusted).client;

/** Whether the client reached the outermost trusted proxy by https. `X-Forwarded-Proto` is counted like the address. */
export function isHttps(head: RequestHead, trusted: TrustedProxies): boolean {
  const { hops } = lookBack(head, trusted);
  if (hops === 0) return false;
  const schemes = entriesOf(head, 'x-forwarded-proto');
  return schemes.at(-Math.min(hops, schemes.length))?.trim() === 'https';
}

/**
 * The path prefix that trusted proxies removed. Each appends its part to `X-Forwarded-Prefix`, the outermost first.
 * @returns '' for none, and for a value that is no path
 */
export function forwardedPrefix(head: RequestHead, trusted: TrustedProxies): string {
  const { hops } = lookBack(head, trusted);
  if (hops === 0) return '';
  const parts = entriesOf(head, 'x-forwarded-prefix').slice(-hops);
  const prefix = parts.map((part) => part.trim().replace(/\/$/, '')).join('');
  return isBasePath(prefix) ? prefix : '';
}

/** Goes back from the peer to the first address that is no trusted proxy, over `hops` trusted proxies. */
function lookBack(head: RequestHead, trusted: TrustedProxies): { readonly client: string; readonly hops: number } {
  let forwarded: string[] | null = null;
  let client = plainAddress(head.socket.remoteAddress ?? '') ?? '';
  let hops = 0;
  while (isTrusted(client, hops, trusted)) {
    hops += 1;
    forwarded ??= entriesOf(head, 'x-forwarded-for');
    const before = plainAddress(forwarded.pop() ?? '');
    // The entry is no address: the last known address counts as the client's.
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

/** Removes brackets and port, which some proxies add, and the prefix of IPv4-mapped addresses. Null for no address. */
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
