// The timeline that is looked at: what of it is shown, where it stands, what is chosen in it.
// It outlives the component, so that it is found again as it was left.

import { bench } from '../lib/bench.svelte';
import { keep, kept } from '../lib/prefs.svelte';
import type { Session } from '../lib/types';
import { count, t } from '../lib/words.svelte';
import { nextForm, type As, type Row } from './row';
import { Scroller } from './scroller.svelte';
import { View, type Wish } from './view.svelte';

export const ROW_HEIGHT = 22;

export type Clock = 'clock' | 'since' | 'reference';

/** What a row is found by when its place has changed. */
/** A place of the view; `or` is gone to where it does not show that. */
export type Spot = ({ n: number } | { session: number; peer: number; dir: 'in' | 'out'; off: number } | { at: number }) & { or?: Spot };

interface Ways {
  in: number;
  out: number;
}

interface Stats {
  messages: Ways;
  bytes: Ways;
  /** Each second, since they were asked for before. */
  rates: { messages: Ways; bytes: Ways } | null;
}

/** A screen reader is told of new rows no more often. */
const SPEAK_EVERY_MS = 10_000;

const STATS_EVERY_MS = 1000;

class Timeline {
  readonly view = new View();
  readonly list = new Scroller(ROW_HEIGHT);
  wish = $state.raw<Wish>({ session: null, filter: '', frame: null, text: null, packets: false, chunks: false });
  /** Sticks to the latest row. */
  follows = $state(true);
  /** The list stands still; what comes is counted. */
  isPaused = $state(false);
  /** The index of the row that keys act on. */
  active = $state<number | null>(null);
  /** Where the chosen rows begin or end; the active one is their other end. */
  anchor = $state<number | null>(null);
  as = $state<As>(kept<As>('timeline.as', 'text'));
  /** Rows that are shown otherwise than the others, by the number of their event. */
  asOf = $state.raw<ReadonlyMap<string, As>>(new Map());
  clock = $state<Clock>('clock');
  reference = $state.raw<Row | null>(null);
  hasDetail = $state(false);
  stats = $state.raw<Stats | null>(null);
  /** The index after the last row that is shown. */
  end = $state(0);
  #first = 0;
  #isLive = false;
  /** The revision of the view when it was last counted. */
  #statsOf = -1;
  #spoken = { end: 0, at: 0 };
  #spot: Spot | null = null;
  /** Where to go as soon as the rows are all there. */
  #pending: Spot | null = null;
  /** Somebody asked for it, and is told when it is not there. */
  #isAsked = false;

  constructor() {
    this.list.onmove = () => (this.follows = this.list.isAtEnd && !this.isPaused);
    this.view.onnews = () => this.#takeNews();
    this.view.onrows = (rows) => this.#takeRows(rows);
    this.view.onrevision = () => this.#beginAgain();
  }

  /** Rows that came since the list stands still, or below what is seen. */
  get unseen(): number {
    if (this.isPaused) return this.view.end - this.end;
    return this.follows ? 0 : Math.max(0, this.view.end - this.view.told.first - this.list.end);
  }

  get activeRow(): Row | undefined {
    return this.active === null ? undefined : this.view.row(this.active);
  }

  /** The chosen rows, from the first to the one after the last. */
  get chosen(): { from: number; to: number } | null {
    if (this.active === null) return null;
    const anchor = this.anchor ?? this.active;
    return { from: Math.min(anchor, this.active), to: Math.max(anchor, this.active) + 1 };
  }

  /** Opens the view of a session; to be called again after each opening of the link. Returns how to end it. */
  begin(session: Session | null): () => void {
    const number = session?.number ?? null;
    if (this.wish.session !== number) {
      this.#forgetPlace();
      this.reference = null;
      if (this.clock === 'reference') this.clock = 'clock';
    }
    this.wish = { ...this.wish, session: number };
    this.#isLive = session === null || number !== null;
    this.#pending ??= this.#spot;
    if (this.#isLive) void this.#show(true);
    const timer = setInterval(() => void this.#askStats(), STATS_EVERY_MS);
    return () => {
      clearInterval(timer);
      this.#remember();
      this.#isLive = false;
      this.stats = null;
      this.view.close();
      this.end = this.#first = this.list.count = 0;
    };
  }

  /** Changes what is shown; the active row stays, where it is still shown. */
  change(wish: Partial<Wish>): void {
    this.wish = { ...this.wish, ...wish };
    if (this.#isLive) void this.#show(this.view.id === null);
  }

  setFollows(follows: boolean): void {
    this.follows = follows;
    if (follows) this.resume();
  }

  pause(): void {
    this.isPaused = true;
    this.follows = false;
  }

  /** Goes on, and to the latest row. */
  resume(): void {
    this.isPaused = false;
    this.#setEnd(this.view.end);
    this.list.goToEnd();
    this.follows = true;
  }

  goToFirst(): void {
    this.choose(this.view.told.first);
  }

  goToLast(): void {
    if (!this.isPaused) this.#setEnd(this.view.end);
    this.choose(this.end - 1);
    this.follows = !this.isPaused;
  }

  /** Makes a row the active one; `extends` keeps the other end of what is chosen. */
  choose(i: number, isExtending = false): void {
    if (this.end <= this.#first) return;
    const to = Math.min(Math.max(i, this.#first), this.end - 1);
    this.anchor = isExtending ? (this.anchor ?? this.active ?? to) : to;
    this.active = to;
    this.follows = false;
    this.list.reveal(to - this.#first);
  }

  step(by: number, isExtending = false): void {
    const from = this.active ?? this.#first + (by > 0 ? this.list.first - 1 : this.list.end);
    this.choose(from + by, isExtending);
  }

  /** Shows a row by what stays of it; other parts of the page call this, too. */
  async jump(spot: Spot, isAsked = false): Promise<boolean> {
    if (this.view.id === null) {
      this.follows = false;
      this.#pending = spot;
      this.#isAsked = isAsked;
      return true;
    }
    const { or, ...at } = spot;
    const answer = await bench.ask<{ i: number | null }>('view.locate', { view: this.view.id, ...at });
    const i = answer?.i ?? null;
    if (i === null && or) return this.jump(or, isAsked);
    if (i === null) {
      if (isAsked) bench.tell('bad', t('timeline.not-shown'));
      return false;
    }
    if (!this.isPaused) this.#setEnd(this.view.end);
    this.list.center(i - this.#first);
    this.choose(i);
    return true;
  }

  formOf(row: Row): As {
    return this.asOf.get(identity(row)) ?? this.as;
  }

  cycleForms(): void {
    this.setForm(nextForm(this.as));
  }

  setForm(as: As): void {
    this.as = as;
    this.asOf = new Map();
    keep('timeline.as', as);
  }

  cycleFormOf(row: Row): void {
    this.asOf = new Map(this.asOf).set(identity(row), nextForm(this.formOf(row)));
  }

  /** Times are counted from the active row; from the wall clock when they were already. */
  refer(): void {
    const row = this.activeRow;
    const isSame = this.clock === 'reference' && row !== undefined && this.reference?.n === row.n;
    this.reference = isSame || !row ? null : row;
    this.clock = this.reference ? 'reference' : 'clock';
  }

  async #show(isNew: boolean): Promise<void> {
    await this.view.show(this.wish, isNew);
  }

  #remember(): void {
    const row = this.activeRow;
    if (row) this.#spot = { n: row.n };
  }

  #forgetPlace(): void {
    this.active = this.anchor = null;
    this.#spot = this.#pending = null;
    this.isPaused = false;
    this.follows = true;
    this.list.top = 0;
    this.asOf = new Map();
  }

  #beginAgain(): void {
    this.#remember();
    this.#pending ??= this.#spot;
    this.active = this.anchor = null;
    this.isPaused = false;
    this.end = this.#first = this.view.told.first;
    this.#spoken.end = Number.POSITIVE_INFINITY;
  }

  /** Has the rows asked for that are seen. A list that follows has the latest asked for, and moves when they are there. */
  want(): void {
    const { view, list } = this;
    if (this.follows) view.want({ from: view.end - list.page - 1, to: view.end }, 0);
    else view.want({ from: view.told.first + list.first, to: view.told.first + list.end }, list.page);
  }

  #takeNews(): void {
    if (this.follows) {
      if (this.end <= this.view.told.first) this.#setEnd(this.view.end);
    } else if (!this.isPaused) {
      this.#setEnd(this.view.end);
    }
    this.#keepPlace();
    this.want();
    this.#speak();
    const pending = this.#pending;
    if (pending && this.view.told.scanning === null) {
      this.#pending = null;
      if (!this.follows) void this.jump(pending, this.#isAsked);
      this.#isAsked = false;
    }
  }

  #takeRows(rows: readonly Row[]): void {
    const last = rows.at(-1);
    if (!this.follows || !last || last.i + 1 <= this.end) return;
    this.#setEnd(last.i + 1);
    this.list.goToEnd();
  }

  #setEnd(end: number): void {
    this.end = Math.max(end, this.view.told.first);
    this.#keepPlace();
  }

  /** Rows that went in front do not move those that are seen. */
  #keepPlace(): void {
    const { first } = this.view.told;
    const gone = first - this.#first;
    this.#first = first;
    this.end = Math.max(this.end, first);
    this.list.count = this.end - first;
    if (this.follows) this.list.goToEnd();
    else this.list.go(this.list.top - Math.max(0, gone) * ROW_HEIGHT);
  }

  #speak(): void {
    const now = Date.now();
    const came = this.view.end - this.#spoken.end;
    if (came <= 0 || now - this.#spoken.at < SPEAK_EVERY_MS) {
      if (came < 0) this.#spoken.end = this.view.end;
      return;
    }
    bench.spoken = count('timeline.spoken-new', came);
    this.#spoken = { end: this.view.end, at: now };
  }

  async #askStats(): Promise<void> {
    const view = this.view.id;
    if (view === null || bench.state !== 'open') return;
    const { revision } = this.view.told;
    const stats = await bench.link.call<Stats>('view.stats', { view }).catch(() => null);
    // What is cut anew is counted anew, and that is no rate.
    const isSame = revision === this.#statsOf && revision === this.view.told.revision && this.view.told.scanning === null;
    this.#statsOf = this.view.told.revision;
    this.stats = stats && !isSame ? { ...stats, rates: null } : stats;
  }
}

function identity(row: Row): string {
  return `${row.n}.${row.s}.${row.p}.${row.off ?? ''}`;
}

export const timeline = new Timeline();
