// One view of the history, as the program keeps it for this page, and the rows of it that are seen.

import { bench } from '../lib/bench.svelte';
import { CallError } from '../lib/link';
import type { Complaint } from '../lib/types';
import type { Row } from './row';
import { HeldRows, type Span } from './rows';

/** What a view shows. */
export interface Wish {
  /** A session's number; `null` is all of them. */
  session: number | null;
  filter: string;
  /** Cut otherwise than the session does. */
  frame: string | null;
  /** Read otherwise than the session does. */
  text: string | null;
  packets: boolean;
  chunks: boolean;
}

interface Told {
  view: number;
  total: number;
  first: number;
  at: number;
  scanning: number | null;
  revision: number;
  lost: number;
  /** Why older bytes cannot be kept. */
  trouble?: string | null;
  matched_bytes: number;
}

interface Page {
  revision: number;
  first: number;
  total: number;
  rows: Row[];
  /** Messages that are not whole yet, when the last row is among those asked for. */
  pending: Row[];
}

/** So many messages under way are shown, and no more often than so. */
const MOST_PENDING = 3;
const PENDING_AFTER_MS = 200;

const NOTHING: Told = { view: 0, total: 0, first: 0, at: 0, scanning: null, revision: 0, lost: 0, matched_bytes: 0 };

export class View {
  id = $state<number | null>(null);
  told = $state.raw<Told>(NOTHING);
  /** Why there is no view, or an older one. */
  complaint = $state.raw<Complaint | null>(null);
  /** The program told of more rows, or of other ones. */
  onnews: () => void = () => {};
  /** Rows came that were asked for; these are there now, without a hole, at the end. */
  onrows: (rows: readonly Row[]) => void = () => {};
  /** Rows that were known stand elsewhere now. */
  onrevision: () => void = () => {};

  /** Messages that are not whole yet. */
  pending = $state.raw<Row[]>([]);

  #held = new HeldRows();
  #changes = $state(0);
  #news: Told[] = [];
  /** The link that they are of. */
  #opening = 0;
  #seen: Span = { from: 0, to: 0 };
  #around = 0;
  #isAsking = false;
  #turn = 0;
  #pendingTimer = 0;

  constructor() {
    bench.link.on<Told[]>('views', (news) => {
      this.#news = news;
      this.#takeNews();
    });
  }

  /** The index after the last row. */
  get end(): number {
    return this.told.first + this.told.total;
  }

  row(i: number): Row | undefined {
    void this.#changes;
    return this.#held.get(i);
  }

  /** Opens the view, or changes it when it is there. */
  async show(wish: Wish, isNew: boolean): Promise<boolean> {
    const turn = ++this.#turn;
    const id = isNew ? null : this.id;
    if (isNew) this.#reset();
    // Numbers of views begin again with each link: what the last one told is of others.
    if (this.#opening !== bench.openings) this.#news = [];
    this.#opening = bench.openings;
    try {
      const answer = await bench.link.call<{ view: number } | null>(
        id === null ? 'view.open' : 'view.change',
        { ...(id === null ? {} : { view: id }), ...wish, utc_offset: -60 * new Date().getTimezoneOffset() },
      );
      if (turn !== this.#turn) {
        if (id === null && answer) void bench.link.call('view.close', { view: answer.view }).catch(() => {});
        return false;
      }
      this.complaint = null;
      if (id === null && answer) this.id = answer.view;
      this.#takeNews();
      return true;
    } catch (error) {
      if (turn === this.#turn && error instanceof CallError) this.complaint = error.complaint;
      return false;
    }
  }

  close(): void {
    this.#turn += 1;
    const view = this.id;
    this.#reset();
    if (view !== null) void bench.link.call('view.close', { view }).catch(() => {});
  }

  /** Says which rows are seen; they are asked for, and then so many before and after them. */
  want(seen: Span, around: number): void {
    this.#seen = seen;
    this.#around = around;
    void this.#ask();
  }

  /** Asks for a row again, because something about it changed. */
  refresh(i: number): void {
    this.#held.forget(i);
    void this.#ask();
  }

  /** Asks for rows that are not to be kept. */
  async rows(from: number, count: number): Promise<Row[]> {
    if (this.id === null) return [];
    const page = await bench.link.call<Page>('view.rows', { view: this.id, from, count });
    return page.revision === this.told.revision ? page.rows : [];
  }

  #reset(): void {
    this.id = null;
    this.told = NOTHING;
    this.pending = [];
    this.#held.clear();
    this.#changes += 1;
  }

  #takeNews(): void {
    const told = this.#news.find((one) => one.view === this.id);
    if (!told || told.revision < this.told.revision) return;
    const isOther = told.revision !== this.told.revision;
    this.told = told;
    if (isOther) this.#forgetAll();
    this.onnews();
    void this.#ask();
    this.#pendingTimer ||= setTimeout(() => void this.#askPending(), PENDING_AFTER_MS);
  }

  async #askPending(): Promise<void> {
    this.#pendingTimer = 0;
    const view = this.id;
    if (view === null) return;
    const args = { view, from: this.end, count: MOST_PENDING };
    const page = await bench.link.call<Page>('view.rows', args).catch(() => null);
    if (view === this.id && page) this.pending = page.rows.length > 0 ? [] : page.pending;
  }

  #forgetAll(): void {
    this.onrevision();
    this.#held.clear();
    this.#changes += 1;
  }

  // One question at a time; what is wanted by then is asked next.
  async #ask(): Promise<void> {
    const view = this.id;
    const { revision } = this.told;
    const missing = this.#missing();
    if (this.#isAsking || view === null || !missing) return;
    this.#isAsking = true;
    let came = 0;
    try {
      const page = await bench.link.call<Page>('view.rows', { view, from: missing.from, count: missing.to - missing.from });
      if (view === this.id) came = this.#takePage(page);
    } catch (error) {
      if (view === this.id && error instanceof CallError && error.complaint.message !== '') bench.complain(error);
    } finally {
      this.#isAsking = false;
    }
    const next = this.#missing();
    const isOther = next !== null && (next.from !== missing.from || next.to !== missing.to);
    // An answer about what was shown before is none.
    const isStale = view !== this.id || revision !== this.told.revision;
    if (came > 0 || isOther || isStale) void this.#ask();
  }

  #missing(): Span | null {
    const { first } = this.told;
    const within = (from: number, to: number) => ({ from: Math.max(first, from), to: Math.min(this.end, to) });
    const { from, to } = this.#seen;
    return (
      this.#held.missing(within(from, to)) ??
      (this.#around > 0 ? this.#held.missing(within(from - this.#around, to + this.#around)) : null)
    );
  }

  #takePage(page: Page): number {
    if (page.revision < this.told.revision) return 0;
    if (page.revision > this.told.revision) {
      this.told = { ...this.told, revision: page.revision, first: page.first, total: page.total };
      this.#forgetAll();
    } else if (page.first + page.total > this.end) {
      this.told = { ...this.told, first: page.first, total: page.total };
    }
    const came = this.#held.take(page.rows, this.#seen);
    this.#changes += 1;
    this.onrows(page.rows);
    return came;
  }
}
