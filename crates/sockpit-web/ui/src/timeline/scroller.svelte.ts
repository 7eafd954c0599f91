// A list of lines of one height, however many they are.

import * as scroll from './scroll';

export class Scroller {
  /** How many lines there are. */
  count = $state(0);
  /** How much is seen, in pixels. */
  shown = $state(0);
  top = $state(0);
  /** Somebody moved the list by hand. */
  onmove: () => void = () => {};
  #bar = 0;

  constructor(readonly height: number) {}

  get full(): number {
    return this.count * this.height;
  }

  /** The first line of which something is seen. */
  get first(): number {
    return Math.max(0, Math.min(Math.floor(this.top / this.height), this.count - 1));
  }

  /** The line after the last of which something is seen. */
  get end(): number {
    return Math.min(this.count, Math.ceil((this.top + this.shown) / this.height));
  }

  /** How many whole lines are seen. */
  get page(): number {
    return Math.max(1, Math.floor(this.shown / this.height));
  }

  get isAtEnd(): boolean {
    return this.top >= scroll.farthest(this.full, this.shown) - this.height / 2;
  }

  go(top: number): void {
    this.top = scroll.clamp(top, this.full, this.shown);
  }

  goToEnd(): void {
    this.go(this.full);
  }

  reveal(line: number): void {
    this.top = scroll.reveal(this.top, line, this.height, this.full, this.shown);
  }

  /** Puts a line into the middle, unless it is seen. */
  center(line: number): void {
    if (line < this.first + 1 || line >= this.end - 1) this.go((line + 0.5) * this.height - this.shown / 2);
  }

  /** Lays the element's bar where the list stands. */
  settle(element: HTMLElement): void {
    const bar = scroll.barOf(this.top, this.full, this.shown);
    if (Math.abs(element.scrollTop - bar) >= 1) element.scrollTop = bar;
    this.#bar = element.scrollTop;
  }

  takeScroll(element: HTMLElement): void {
    const bar = element.scrollTop;
    if (Math.abs(bar - this.#bar) < 1) return;
    // The browser itself moved it, as there is more room than is known yet: nobody did so by hand.
    if (element.clientHeight !== this.shown) return;
    this.top = scroll.follow(this.top, this.#bar, bar, this.full, this.shown);
    this.#bar = bar;
    this.onmove();
  }

  /** The bar of a scaled list is too coarse for a wheel. */
  takeWheel(event: WheelEvent): void {
    if (!scroll.isScaled(this.full) || event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? this.height : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? this.shown : 1;
    this.go(this.top + event.deltaY * unit);
    this.onmove();
  }
}
