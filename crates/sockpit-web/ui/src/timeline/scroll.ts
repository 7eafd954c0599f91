// Where a list stands that is longer than a browser lets an element be.
// All in CSS pixels: `top` of `full`, of which `shown` are seen at once; `bar` is the element's own.

/** Firefox ends an element at 17.9 million pixels, Chromium at 33.5 million. */
export const LONGEST = 8_000_000;

export function isScaled(full: number): boolean {
  return full > LONGEST;
}

/** The largest `top`. */
export function farthest(full: number, shown: number): number {
  return Math.max(0, full - shown);
}

export function clamp(top: number, full: number, shown: number): number {
  return Math.min(Math.max(0, top), farthest(full, shown));
}

/** Where the scroll bar stands for `top`. */
export function barOf(top: number, full: number, shown: number): number {
  if (!isScaled(full)) return top;
  return (top / farthest(full, shown)) * farthest(LONGEST, shown);
}

/** What `top` the scroll bar means; exact at both ends. */
export function topOf(bar: number, full: number, shown: number): number {
  if (!isScaled(full)) return bar;
  return (bar / farthest(LONGEST, shown)) * farthest(full, shown);
}

/** `top` after the bar went from one place to another: a small step goes so many pixels, a far one
 *  goes to the same part of the whole. */
export function follow(top: number, from: number, to: number, full: number, shown: number): number {
  const isAtAnEnd = to <= 0 || to >= farthest(Math.min(full, LONGEST), shown) - 1;
  const isNear = Math.abs(to - from) <= shown;
  if (isScaled(full) && isNear && !isAtAnEnd) return clamp(top + to - from, full, shown);
  return clamp(topOf(to, full, shown), full, shown);
}

/** The `top` nearest to the present one that shows a whole line. */
export function reveal(top: number, line: number, height: number, full: number, shown: number): number {
  const start = line * height;
  if (start < top) return start;
  if (start + height > top + shown) return clamp(start + height - shown, full, shown);
  return top;
}
