/**
 * The secrets of API keys: `pm_`, 32 random characters, and a checksum of 6. Secret scanners search for the prefix; the
 * checksum tells them, and this service, a secret from a look-alike without a look-up.
 */
import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62³² are 190 bits: guessing is hopeless, so one round of SHA-256 protects the stored hash. */
const randomLength = 32;
/** 62⁶ > 2³². */
const checkLength = 6;
const prefix = 'pm_';
const pattern = /^pm_[0-9A-Za-z]{38}$/;
/** The part of the secret that lists show: too short to help a guess. */
const shownLength = prefix.length + 6;

export interface NewSecret {
  /** Shown once, and stored only by its owner. */
  readonly secret: string;
  /** Stored instead of the secret. */
  readonly hash: string;
  /** The beginning of the secret, by which its owner recognises it. */
  readonly prefix: string;
}

export function createSecret(): NewSecret {
  const random = Array.from({ length: randomLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  const secret = `${prefix}${random}${checkOf(random)}`;
  return { secret, hash: hashSecret(secret), prefix: secret.slice(0, shownLength) };
}

/** Checks form and checksum; not in constant time, because neither is secret. */
export function isSecret(text: string): boolean {
  return pattern.test(text) && text.endsWith(checkOf(text.slice(prefix.length, -checkLength)));
}

/** SHA-256, in hex. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

function checkOf(random: string): string {
  let rest = crc32(random);
  let check = '';
  for (let place = 0; place < checkLength; place += 1) {
    check = alphabet.charAt(rest % alphabet.length) + check;
    rest = Math.floor(rest / alphabet.length);
  }
  return check;
}
