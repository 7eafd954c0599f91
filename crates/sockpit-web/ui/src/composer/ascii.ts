// Text and hex of each other where that is plain: what is typed shows on the other side at once,
// before the program has answered. Everything else is left to the program.

import { hexOf, spacedHex } from '../lib/format';

/** In characters: what is turned at once, at every key. */
const LONGEST = 4096;

/** Every character is one byte, and the same byte in every charset that extends ASCII. */
const PLAIN = /^[\x20-\x7e\t\n]*$/;

/** `41 42` of `AB`; `null` where a charset or an escape has a say. */
export function hexOfAscii(text: string, escapes: boolean): string | null {
  if (text.length > LONGEST || !PLAIN.test(text) || (escapes && text.includes('\\'))) return null;
  return spacedHex(Array.from(text, (char) => hexOf(char.charCodeAt(0))).join(''));
}

/** `AB` of `41 42`; `null` where it is no hex in groups of two, or not plain text. */
export function asciiOfHex(hex: string, escapes: boolean): string | null {
  if (hex.length > 3 * LONGEST) return null;
  const digits = hex.replace(/\s+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits) || !/^\s*([0-9a-f]{2}(\s|$)\s*|[0-9a-f]*$)*$/i.test(hex)) return null;
  const text = (digits.match(/../g) ?? []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join('');
  if (!PLAIN.test(text) || (escapes && /[\\\t\n]/.test(text))) return null;
  return text;
}

/** Whether a charset keeps ASCII as it is: all but those of two bytes a character. */
export function keepsAscii(charset: string): boolean {
  return !/^(utf-?16|utf-?32|ucs|unicode|iso-2022|hz)/i.test(charset);
}
