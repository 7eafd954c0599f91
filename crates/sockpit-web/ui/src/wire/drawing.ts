// Where the parts of a ladder stand, and how much of a text fits.

import type { End } from './types';

/** In pixels, of one step, and of a lesson below it. */
export const STEP = 48;
export const LESSON = 38;

export interface Lanes {
  /** The x of each life line. */
  left: number;
  right: number;
  /** Where the times begin. */
  time: number;
  /** Room for what a program did, outside of each life line; none on a phone. */
  outside: Record<End, number>;
}

const NARROW = 620;

/** The lanes of a ladder that is so many pixels wide, with room where something is told. */
export function lanes(width: number, tells: Record<End, boolean>): Lanes {
  if (width < NARROW) return { time: 6, left: 78, right: Math.max(width - 22, 160), outside: { left: 0, right: 0 } };
  const wide = Math.min(260, Math.round(width * 0.22));
  const outside = { left: tells.left ? wide : 0, right: tells.right ? wide : 0 };
  return { time: 10, left: 104 + outside.left, right: width - outside.right - 24, outside };
}

/** How many cells of a fixed-width font a character takes. */
function cells(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

/** About the pixels that a text takes. */
export function widthOf(text: string, cell: number): number {
  let width = 0;
  for (const char of text) width += cells(char) * cell;
  return width;
}

/** The text, or its beginning and an ellipsis where it does not fit into so many pixels. */
export function fit(text: string, pixels: number, cell: number): string {
  if (widthOf(text, cell) <= pixels) return text;
  let width = cell;
  let kept = '';
  for (const char of text) {
    width += cells(char) * cell;
    if (width > pixels) break;
    kept += char;
  }
  return `${kept}…`;
}
