// How the pieces of a cut are drawn over a ruler of offsets.

import type { Piece } from './types';

export interface Block {
  /** In pixels. */
  x: number;
  width: number;
  /** The only piece in it; `null` where several are too narrow to be told apart. */
  piece: Piece | null;
  count: number;
}

/** Pieces narrower than this are drawn together. */
const NARROWEST = 3;

/** The window of offsets that is looked at. */
export interface Range {
  from: number;
  len: number;
}

/** Where the pieces stand in a band of so many pixels. */
export function blocks(pieces: Piece[], { from, len }: Range, width: number): Block[] {
  const scale = width / Math.max(len, 1);
  const found: (Block & { isNarrow: boolean })[] = [];
  for (const piece of pieces) {
    const begin = Math.max(0, (piece.off - from) * scale);
    const end = Math.min(width, (piece.end - from) * scale);
    if (end < 0 || begin > width) continue;
    const isNarrow = end - begin < NARROWEST;
    const last = found.at(-1);
    if (isNarrow && last?.isNarrow && begin - (last.x + last.width) < NARROWEST) {
      last.width = Math.max(last.width, end - last.x);
      last.count += 1;
      last.piece = null;
    } else {
      found.push({ x: begin, width: Math.max(end - begin, NARROWEST), piece, count: 1, isNarrow });
    }
  }
  return found.map(({ x, width, piece, count }) => ({ x, width, piece, count }));
}

/** Offsets for the ruler: round in the way of bytes, at most one every 90 pixels. */
export function ticks({ from, len }: Range, width: number): number[] {
  const most = Math.max(1, Math.floor(width / 90));
  let step = 1;
  while (len / step > most) step *= 2;
  const found: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= from + len; at += step) found.push(at);
  return found;
}

const SHORTEST = 16;
export const LONGEST = 65_536;

/** The window made larger or smaller about a place in it, within what there is. */
export function zoomed(range: Range, factor: number, about: number, end: number): Range {
  const len = Math.round(Math.min(LONGEST, Math.max(SHORTEST, range.len * factor)));
  const share = (about - range.from) / Math.max(range.len, 1);
  return within({ from: Math.round(about - share * len), len }, end);
}

/** The window, moved so that it is in the stream. */
export function within({ from, len }: Range, end: number): Range {
  return { from: Math.max(0, Math.min(Math.round(from), end - Math.min(len, end))), len };
}

/** What hex dumps show of a byte. */
export function picture(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}
