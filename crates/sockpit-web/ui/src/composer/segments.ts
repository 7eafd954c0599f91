// The bytes that will leave, in the order of the wire, each run with what it is.

export type What = 'payload' | 'checksum' | 'eol' | 'frame';

export interface Mark {
  what: What;
  /** In bytes; `to` is the first that belongs no more. */
  from: number;
  to: number;
}

export interface Segment {
  what: What;
  from: number;
  len: number;
  /** `41 42`, the first bytes of it. */
  hex: string;
  /** How many bytes are not shown. */
  more: number;
}

/** In bytes: what is shown of one run. */
const SHOWN = 256;

/** Cuts the wire's bytes at its marks. What no mark covers is payload; a later mark wins. */
export function segmentsOf(wireHex: string, marks: readonly Mark[]): Segment[] {
  const len = wireHex.length >> 1;
  const cuts = new Set([0, len]);
  for (const { from, to } of marks) {
    if (from > 0 && from < len) cuts.add(from);
    if (to > 0 && to < len) cuts.add(to);
  }
  const places = [...cuts].sort((a, b) => a - b);
  const segments: Segment[] = [];
  places.slice(0, -1).forEach((from, index) => {
    const to = places[index + 1] ?? len;
    const what = marks.findLast((mark) => mark.from <= from && to <= mark.to)?.what ?? 'payload';
    const last = segments.at(-1);
    if (last?.what === what) last.len += to - from;
    else segments.push({ what, from, len: to - from, hex: '', more: 0 });
  });
  for (const segment of segments) {
    const shown = Math.min(segment.len, SHOWN);
    const hex = wireHex.slice(2 * segment.from, 2 * (segment.from + shown));
    segment.hex = (hex.match(/../g) ?? []).join(' ').toUpperCase();
    segment.more = segment.len - shown;
  }
  return segments;
}
