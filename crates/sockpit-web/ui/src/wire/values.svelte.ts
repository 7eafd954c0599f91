// Numbers out of the messages of a session.

import { bench } from '../lib/bench.svelte';
import { CallError } from '../lib/link';
import { keep, kept } from '../lib/prefs.svelte';
import { TimeWindow } from './graphs.svelte';
import type { ValuesPage } from './types';

export type PatternKind = 're' | 'csv' | 'json';
export const KINDS: readonly PatternKind[] = ['re', 'csv', 'json'];

export const EXAMPLES: Record<PatternKind, string> = {
  re: String.raw`temp=(?<temp>-?[\d.]+)`,
  csv: '0,2',
  json: 'temp',
};

const ASK_MS = 700;
const POINTS = 2000;

export class ValuesView {
  readonly window = new TimeWindow();
  kind = $state<PatternKind>(kept('wire-value-kind', 're'));
  pattern = $state<string>(kept('wire-value-pattern', ''));
  page = $state.raw<ValuesPage | null>(null);
  complaint = $state('');
  /** Columns that are not to be drawn. */
  hidden = $state<string[]>([]);
  #view: number | null = null;
  #timer: ReturnType<typeof setInterval>;
  #isAsking = false;
  #isClosed = false;

  constructor(readonly session: number) {
    this.window.seconds = 0;
    this.#timer = setInterval(() => this.window.isPaused || document.hidden || void this.ask(), ASK_MS);
    void this.#open();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#view !== null && bench.state === 'open') void bench.ask('view.close', { view: this.#view });
  }

  /** The pattern has changed. */
  change(): void {
    keep('wire-value-kind', this.kind);
    keep('wire-value-pattern', this.pattern);
    this.complaint = '';
    if (this.pattern === '') this.page = null;
    else void this.ask();
  }

  async #open(): Promise<void> {
    const opened = await bench.ask<{ view: number }>('view.open', {
      session: this.session,
      filter: '',
      frame: null,
      text: null,
      packets: false,
      chunks: false,
    });
    if (!opened) return;
    this.#view = opened.view;
    if (this.#isClosed) this.close();
    else void this.ask();
  }

  async ask(): Promise<void> {
    if (this.#isAsking || this.#view === null || this.pattern === '') return;
    this.#isAsking = true;
    const asked = `${this.kind}:${this.pattern}`;
    const { seconds } = this.window;
    this.window.to = (Date.now() - (bench.welcome?.epoch_ms ?? 0)) * 1e6;
    const range = seconds === 0 ? {} : { from: Math.max(0, Math.round(this.window.from)), to: Math.round(this.window.to) };
    try {
      this.page = await bench.link.call<ValuesPage>('values', { view: this.#view, pattern: asked, ...range, points: POINTS });
      this.complaint = '';
      const first = Math.min(...this.page.columns.map((column) => column.t[0] ?? Infinity));
      if (Number.isFinite(first)) this.window.begin = first;
    } catch (error) {
      this.page = null;
      this.complaint = error instanceof CallError ? error.complaint.message : String(error);
    }
    this.#isAsking = false;
    if (asked !== `${this.kind}:${this.pattern}`) void this.ask();
  }
}
