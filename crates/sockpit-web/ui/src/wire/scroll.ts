// Which rows of a long list are to be drawn, and where: most are of one height, some are taller.

export interface Shown {
  from: number;
  to: number;
}

/** The heights of so many rows, in pixels. */
export class Heights {
  /** `tall` are the indexes of the taller rows, ascending. */
  constructor(
    readonly total: number,
    readonly row: number,
    readonly extra: number,
    readonly tall: readonly number[],
  ) {}

  /** Of all rows together. */
  get height(): number {
    return this.total * this.row + this.tall.length * this.extra;
  }

  /** Where a row begins. */
  top(index: number): number {
    return index * this.row + this.#before(index) * this.extra;
  }

  of(index: number): number {
    return this.top(index + 1) - this.top(index);
  }

  /** The row at a place. */
  at(place: number): number {
    let low = 0;
    let high = Math.max(0, this.total - 1);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.top(middle) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The rows that a window shows, and a few around them. */
  shown(top: number, height: number, around = 6): Shown {
    if (this.total === 0) return { from: 0, to: 0 };
    return { from: Math.max(0, this.at(top) - around), to: Math.min(this.total, this.at(top + height) + 1 + around) };
  }

  /** The nearest scroll position at which a row is whole in the window. */
  scrollTo(index: number, top: number, height: number): number {
    const begin = this.top(index);
    const end = this.top(index + 1);
    if (begin < top) return begin;
    return end > top + height ? Math.min(begin, end - height) : top;
  }

  /** How many taller rows there are before one. */
  #before(index: number): number {
    let low = 0;
    let high = this.tall.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.tall[middle] ?? Infinity) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
