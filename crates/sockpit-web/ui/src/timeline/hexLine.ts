// One line of the hex view, laid out in cells.

import { hexOf } from '../lib/format';
import { glyphs, startBefore, type Glyph } from './glyphs';

export interface Cell {
  at: number;
  hex: string;
  /** What the text column shows here; nothing where a character goes on that began before. */
  text: string;
  /** How many cells of this line the character takes. */
  width: number;
  isBad: boolean;
}

export interface Line {
  at: number;
  cells: Cell[];
}

/** In bytes: how far before the first line reading begins, so that its characters are whole. */
export const BEFORE = 256;

function isPicture(text: string): boolean {
  return text >= '\u2400' && text <= '\u2426';
}

/** Lines of bytes, which begin at `from` and of which `bytes` begins at `start`, at or before it. */
export function linesOf(bytes: Uint8Array, start: number, from: number, perLine: number, charset: string | null): Line[] {
  const begin = start === 0 ? 0 : startBefore(bytes, from - start);
  const starts = new Map<number, Glyph>();
  for (const glyph of glyphs(bytes.subarray(begin), charset, start + begin)) starts.set(glyph.from, glyph);
  const lines: Line[] = [];
  for (let at = from; at < start + bytes.length; at += perLine) {
    const cells: Cell[] = [];
    const end = Math.min(at + perLine, start + bytes.length);
    for (let k = at; k < end; k++) {
      const byte = bytes[k - start] ?? 0;
      const glyph = starts.get(k);
      cells.push({
        at: k,
        hex: hexOf(byte).toUpperCase(),
        text: glyph ? (isPicture(glyph.text) ? '·' : glyph.text) : '',
        width: glyph ? Math.max(1, Math.min(glyph.to, end) - k) : 1,
        isBad: glyph?.isBad ?? false,
      });
    }
    lines.push({ at, cells });
  }
  return lines;
}
