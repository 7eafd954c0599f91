// The rows of a view that the page holds: some around what is seen, never all.

import type { Row } from './row';

/** More are not kept: those farthest from what is seen go first. */
const MOST = 3000;

/** The program gives no more at once. */
export const MOST_AT_ONCE = 500;

export interface Span {
  from: number;
  to: number;
}

export class HeldRows {
  #rows = new Map<number, Row>();

  get(i: number): Row | undefined {
    return this.#rows.get(i);
  }

  get size(): number {
    return this.#rows.size;
  }

  clear(): void {
    this.#rows.clear();
  }

  forget(i: number): void {
    this.#rows.delete(i);
  }

  /** Takes rows; how many of them were new. */
  take(rows: readonly Row[], seen: Span): number {
    let fresh = 0;
    for (const row of rows) {
      if (!this.#rows.has(row.i)) fresh += 1;
      this.#rows.set(row.i, row);
    }
    if (this.#rows.size > MOST) this.#keepNear(seen);
    return fresh;
  }

  /** What to ask for so that a span is known: the rows missing in it, and none when there are none. */
  missing(span: Span): Span | null {
    let from = span.from;
    let to = span.to;
    while (from < to && this.#rows.has(from)) from += 1;
    while (to > from && this.#rows.has(to - 1)) to -= 1;
    return from < to ? { from, to: Math.min(to, from + MOST_AT_ONCE) } : null;
  }

  #keepNear(seen: Span): void {
    const middle = (seen.from + seen.to) / 2;
    for (const i of this.#rows.keys()) if (Math.abs(i - middle) > MOST / 4) this.#rows.delete(i);
  }
}
