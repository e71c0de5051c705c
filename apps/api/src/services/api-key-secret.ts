/**
 * The secrets of API keys: `pm_`, 32 random characters, and 6 that check them. The prefix lets scanners find secrets in places where they
 * should not be, and the check tells them, and us, a secret from a look-alike without asking anybody.
 */
import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62³² are 190 bits: guessing is hopeless, so one round of SHA-256 protects what is stored. */
const randomLength = 32;
/** 62⁶ > 2³². */
const checkLength = 6;
const prefix = 'pm_';
const pattern = /^pm_[0-9A-Za-z]{38}$/;
/** Of the secret, for lists: too little to help anybody who guesses. */
const shownLength = prefix.length + 6;

export interface NewSecret {
  /** Shown once, and kept by nobody but its owner. */
  readonly secret: string;
  /** What is stored instead. */
  readonly hash: string;
  /** What the secret begins with, to recognise it by. */
  readonly prefix: string;
}

export function createSecret(): NewSecret {
  const random = Array.from({ length: randomLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  const secret = `${prefix}${random}${checkOf(random)}`;
  return { secret, hash: hashSecret(secret), prefix: secret.slice(0, shownLength) };
}

/** Whether it could have been made here. Says nothing of whether it was, so it need not take constant time. */
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
