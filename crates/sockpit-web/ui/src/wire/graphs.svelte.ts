// The graphs of a session: asked for again and again while somebody looks.

import { bench } from '../lib/bench.svelte';
import { CallError } from '../lib/link';
import type { Key } from '../lib/words.svelte';
import type { SeriesPage } from './types';

export type SeriesKind = 'bytes' | 'messages' | 'rtt' | 'cwnd' | 'inflight';

export const SERIES: readonly { kind: SeriesKind; name: Key }[] = [
  { kind: 'bytes', name: 'wire.graph-bytes' },
  { kind: 'messages', name: 'wire.graph-messages' },
  { kind: 'rtt', name: 'wire.graph-rtt' },
  { kind: 'cwnd', name: 'wire.graph-cwnd' },
  { kind: 'inflight', name: 'wire.graph-inflight' },
];

/** In seconds; 0 is all that there is. */
export const SPANS = [10, 60, 300, 3600, 0] as const;

const ASK_MS = 500;
/** Few enough that what comes a few times a second is a course, not a comb. */
const BUCKETS = 120;

/** Now, in ns since the workbench began. */
function nowNs(): number {
  return (Date.now() - (bench.welcome?.epoch_ms ?? Date.now())) * 1e6;
}

/** The window of time that graphs show. */
export class TimeWindow {
  seconds = $state<number>(60);
  isPaused = $state(false);
  to = $state(nowNs());
  /** When all began, in ns. */
  begin = $state(0);

  get from(): number {
    return this.seconds === 0 ? this.begin : this.to - this.seconds * 1e9;
  }
}

export class GraphsView {
  readonly window = new TimeWindow();
  pages = $state.raw<Partial<Record<SeriesKind, SeriesPage>>>({});
  complaint = $state('');
  #timer: ReturnType<typeof setInterval>;
  #isAsking = false;

  constructor(
    readonly session: number,
    readonly peer: number | null,
    begin: number,
  ) {
    this.window.begin = begin;
    this.#timer = setInterval(() => this.window.isPaused || document.hidden || void this.ask(), ASK_MS);
    void this.ask();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    if (!this.window.isPaused) this.window.to = nowNs();
    const { from, to } = this.window;
    const args = { session: this.session, from: Math.max(0, Math.round(from)), to: Math.round(to), buckets: BUCKETS };
    const pages: typeof this.pages = {};
    this.complaint = '';
    for (const { kind } of SERIES) {
      try {
        pages[kind] = await bench.link.call<SeriesPage>('series', { ...args, kind, ...(this.peer === null ? {} : { peer: this.peer }) });
      } catch (error) {
        this.complaint = error instanceof CallError ? error.complaint.message : String(error);
      }
    }
    this.pages = pages;
    this.#isAsking = false;
  }
}
