// Which character came of which bytes, in any charset that the browser reads.

export interface Glyph {
  /** Its bytes, from the first one on. */
  from: number;
  to: number;
  /** Fit to be shown: nothing in it moves the line or its direction. */
  text: string;
  /** The bytes are no character of the charset. */
  isBad: boolean;
}

const BAD = '\u{FFFD}';

/** Longest character of any charset of the web: four bytes, and what UTF-16 and ISO-2022-JP put before one. */
const LONGEST_GLYPH = 8;

/** The characters of bytes, the first of which is counted as `start`; `charset` null is ASCII alone. */
export function glyphs(bytes: Uint8Array, charset: string | null, start = 0): Glyph[] {
  const decoder = decoderOf(charset);
  const found: Glyph[] = [];
  if (!decoder) {
    bytes.forEach((byte, i) => found.push({ from: start + i, to: start + i + 1, text: ascii(byte), isBad: byte > 0x7e }));
    return found;
  }
  let from = 0;
  const push = (text: string, to: number) => {
    // A broken sequence gives what is left of it before the character that follows.
    const chars = [...text];
    chars.forEach((char, k) => {
      const end = k === chars.length - 1 ? to : Math.min(from + 1, to);
      found.push({ from: start + from, to: start + end, text: shown(char), isBad: char === BAD });
      from = end;
    });
  };
  for (let i = 0; i < bytes.length; i++) {
    const text = decoder.decode(bytes.subarray(i, i + 1), { stream: true });
    if (text !== '') push(text, i + 1);
    else if (i + 1 - from > LONGEST_GLYPH) push(BAD, i + 1);
  }
  const rest = decoder.decode();
  if (rest !== '' || from < bytes.length) push(rest || BAD, bytes.length);
  return found;
}

/** Where reading may begin so that characters at `at` come out right: after a byte that is never a part
 *  of a longer character. */
export function startBefore(bytes: Uint8Array, at: number): number {
  const earliest = Math.max(0, at - 256);
  for (let i = at; i > earliest; i--) {
    const before = bytes[i - 1] ?? 0;
    if (before < 0x30) return i;
  }
  return earliest;
}

/** A character as it is shown in one cell or in a line: control characters as pictures of them. */
export function shown(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  if (code >= 0x80 && code < 0xa0) return '·';
  return isInvisible(code) ? '\u2426' : char;
}

/** Turns the reading direction around, or takes no place. */
function isInvisible(code: number): boolean {
  return (
    code === 0x061c ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x2069) ||
    code === 0xfeff
  );
}

function ascii(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

function decoderOf(charset: string | null): TextDecoder | null {
  if (charset === null || charset === 'none') return null;
  try {
    return new TextDecoder(charset, { ignoreBOM: true });
  } catch {
    return null;
  }
}
