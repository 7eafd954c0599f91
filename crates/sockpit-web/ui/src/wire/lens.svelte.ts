// A window over one direction of a peer's bytes, and the four ways in which they were cut.

import { bench } from '../lib/bench.svelte';
import { bytesOfHex } from '../lib/format';
import type { Direction } from '../lib/types';
import { within, zoomed, type Range } from './bands';
import { CUTS, type Cut, type LensPage, type Piece } from './types';

/** In ms: how often it is looked whether there are more bytes. */
const LOOK_MS = 700;

export class LensView {
  dir = $state<Direction>('in');
  range = $state.raw<Range>({ from: 0, len: 512 });
  page = $state.raw<LensPage | null>(null);
  /** Whether the window stays at the end of the stream. */
  isFollowing = $state(true);
  cut = $state<Cut>('frames');
  chosen = $state.raw<Piece | null>(null);
  bytes = $derived(bytesOfHex(this.page?.hex ?? ''));
  #timer: ReturnType<typeof setInterval>;
  #isAsking = false;
  #isStale = false;

  constructor(
    readonly session: number,
    readonly peer: number,
  ) {
    this.#timer = setInterval(() => document.hidden || void this.ask(), LOOK_MS);
    void this.ask();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get end(): number {
    return this.page?.end ?? 0;
  }

  turn(dir: Direction): void {
    this.dir = dir;
    this.chosen = null;
    this.isFollowing = true;
    this.page = null;
    void this.ask();
  }

  zoom(factor: number, about = this.range.from + this.range.len / 2): void {
    this.#show(zoomed(this.range, factor, about, this.end));
  }

  /** By a share of the window. */
  pan(share: number): void {
    this.#show(within({ ...this.range, from: this.range.from + share * this.range.len }, this.end));
  }

  goTo(from: number): void {
    this.#show(within({ ...this.range, from }, this.end));
  }

  toEnd(): void {
    this.isFollowing = true;
    this.#follow();
    void this.ask();
  }

  choose(cut: Cut, piece: Piece): void {
    this.cut = cut;
    this.chosen = piece;
    const { from, len } = this.range;
    if (piece.off < from || piece.off >= from + len) this.goTo(piece.off - len / 4);
  }

  /** Goes to the piece before or behind the chosen one of the chosen cut. */
  step(by: 1 | -1): void {
    const pieces = this.page?.[this.cut] ?? [];
    const at = this.chosen ? pieces.findIndex((piece) => piece.number === this.chosen?.number) : -1;
    const next = at < 0 ? pieces[by > 0 ? 0 : pieces.length - 1] : pieces[at + by];
    if (next) this.choose(this.cut, next);
    else if (by > 0) this.pan(0.5);
    else this.pan(-0.5);
  }

  #show(range: Range): void {
    this.range = range;
    this.isFollowing = range.from + range.len >= this.end;
    void this.ask();
  }

  #follow(): void {
    if (this.isFollowing) this.range = within({ ...this.range, from: this.end - this.range.len }, this.end);
  }

  async ask(): Promise<void> {
    this.#isStale = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isStale) {
      this.#isStale = false;
      const { dir } = this;
      try {
        const { from, len } = this.range;
        const page = await bench.link.call<LensPage>('wire.lens', { session: this.session, peer: this.peer, dir, from, len });
        if (dir !== this.dir) continue;
        const isMore = page.end !== this.end;
        // The same answer again is no news to draw.
        if (JSON.stringify(page) !== JSON.stringify(this.page)) this.page = page;
        if (isMore && this.isFollowing) {
          this.#follow();
          this.#isStale = this.range.from !== from;
        }
      } catch (error) {
        if (bench.state === 'open') bench.complain(error);
        this.close();
      }
    }
    this.#isAsking = false;
  }

  /** How many pieces of each cut there are in the window. */
  counts(): Record<Cut, number> {
    const counts = { writes: 0, packets: 0, reads: 0, frames: 0 };
    for (const cut of CUTS) counts[cut] = this.page?.[cut].length ?? 0;
    return counts;
  }
}
