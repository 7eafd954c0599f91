// Texts of rules on one line: line ends and other controls as escapes, and back.

import { hexOf } from '../lib/format';

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
const MEANT: Record<string, string> = { n: '\n', r: '\r', t: '\t', '0': '\0', e: '\x1b', '\\': '\\' };

/** `a\r\n` for a text that ends its line. */
export function escaped(text: string): string {
  return text.replace(/[\\\x00-\x1f\x7f]/g, (char) => SHORT[char] ?? `\\x${hexOf(char.charCodeAt(0))}`);
}

/** The text that is meant; `null` where an escape is none, or is a byte that no text has. */
export function unescaped(typed: string): string | null {
  let wrong = false;
  const text = typed.replace(/\\(x[0-7][0-9a-f]|u\{[0-9a-f]{1,6}\}|[\s\S]|$)/gi, (_, escape: string) => {
    const code = /^(?:x|u\{)([0-9a-f]+)/i.exec(escape)?.[1];
    const point = code === undefined ? NaN : parseInt(code, 16);
    if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) return String.fromCodePoint(point);
    const meant = MEANT[escape];
    wrong ||= meant === undefined;
    return meant ?? '';
  });
  return wrong ? null : text;
}
