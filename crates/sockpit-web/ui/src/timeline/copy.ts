// Bytes as text for the clipboard.

import { hexOf, hexOfBytes, spacedHex } from '../lib/format';

export type CopyForm = 'hex' | 'array' | 'text' | 'escaped' | 'base64';
export const COPY_FORMS: readonly CopyForm[] = ['hex', 'array', 'text', 'escaped', 'base64'];

const PER_LINE = 12;

export function copied(bytes: Uint8Array, form: CopyForm, charset: string | null): string {
  switch (form) {
    case 'hex':
      return spacedHex(hexOfBytes(bytes));
    case 'array':
      return cArray(bytes);
    case 'text':
      return decoded(bytes, charset);
    case 'escaped':
      return escaped(bytes);
    case 'base64':
      return base64(bytes);
  }
}

function cArray(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let i = 0; i < bytes.length; i += PER_LINE) {
    const line = Array.from(bytes.subarray(i, i + PER_LINE), (byte) => `0x${two(byte)}`);
    lines.push(`  ${line.join(', ')},`);
  }
  return `const unsigned char data[${bytes.length}] = {\n${lines.join('\n')}\n};`;
}

export function decoded(bytes: Uint8Array, charset: string | null): string {
  try {
    return new TextDecoder(charset === null || charset === 'none' ? 'latin1' : charset, { ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }
}

/** As `--escape` reads it. */
function escaped(bytes: Uint8Array): string {
  const short: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };
  return Array.from(bytes, (byte) => {
    const known = short[byte];
    if (known !== undefined) return known;
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${two(byte)}`;
  }).join('');
}

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

function two(byte: number): string {
  return hexOf(byte).toUpperCase();
}
