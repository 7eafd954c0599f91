// The steps of a session's ladder, asked for in blocks as they come into sight.

import { bench } from '../lib/bench.svelte';
import type { LadderPage, Packets, Party, Step } from './types';

const BLOCK = 200;

/** In ms: the program forgets who watches a ladder after a minute. */
const REMIND_MS = 20_000;

/** In ms, between two questions for what is new. */
const PAUSE_MS = 80;

export class LadderView {
  first = $state(0);
  /** The number behind the last step's; what is kept goes from `first` to it. */
  total = $state(0);
  parties = $state.raw<Party[]>([]);
  peers = $state.raw<LadderPage['peers']>([]);
  packets = $state.raw<Packets | undefined>(undefined);
  isAsked = $state(false);
  #blocks = $state.raw(new Map<number, Step[]>());
  #asked = new Set<number>();
  #tried = new Map<number, number>();
  #stops: (() => void)[] = [];
  #isStale = false;
  #isFollowing = false;
  #isClosed = false;

  constructor(
    readonly session: number,
    readonly peer: number | null,
  ) {
    this.#stops.push(
      bench.link.on<Record<string, number>>('ladder', (totals) => {
        const total = totals[session];
        // The total is of all peers: which of the new steps are of this one, the program knows.
        // Where packets come from may be known before the first step.
        const isNew = peer !== null || total !== this.total || this.packets === null;
        if (total !== undefined && isNew) this.#follow();
      }),
    );
    const timer = setInterval(() => void this.#follow(), REMIND_MS);
    this.#stops.push(() => clearInterval(timer));
    void this.#follow();
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
  }

  /** The numbers of the steps that teach something, as far as they are known. */
  taught = $derived(
    [...this.#blocks.values()]
      .flatMap((steps) => steps.filter((step) => step.lessons.length > 0).map((step) => step.i))
      .sort((a, b) => a - b),
  );

  step(index: number): Step | undefined {
    return this.#blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  party(k: number): Party | undefined {
    return this.parties.find((party) => party.k === k);
  }

  /** Asks for what is missing of these steps. */
  need(from: number, to: number): void {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block++) {
      // What the program could not give is not asked for again until there is more.
      const known = Math.min((block + 1) * BLOCK, this.total);
      if (this.#isWhole(block) || this.#asked.has(block) || this.#tried.get(block) === known) continue;
      this.#tried.set(block, known);
      void this.#ask(Math.max(block * BLOCK, this.first));
    }
  }

  #isWhole(block: number): boolean {
    const steps = this.#blocks.get(block);
    const end = Math.min((block + 1) * BLOCK, this.total) - block * BLOCK;
    const begin = Math.max(0, this.first - block * BLOCK);
    if (steps === undefined || steps.length < end) return false;
    for (let at = begin; at < end; at++) if (steps[at] === undefined) return false;
    return true;
  }

  /** The number of the step that an event told of; the latest ones are looked at first. */
  async find(event: number): Promise<number | null> {
    for (let from = Math.floor((this.total - 1) / BLOCK) * BLOCK; from + BLOCK > this.first; from -= BLOCK) {
      if (!this.#isWhole(from / BLOCK)) await this.#ask(Math.max(from, this.first));
      const found = this.#blocks.get(from / BLOCK)?.find((step) => step?.n === event);
      if (found) return found.i;
    }
    return null;
  }

  /** Asks for what is new, once more where there is news before the answer. */
  async #follow(): Promise<void> {
    this.#isStale = true;
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      await this.#ask(this.total);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#isFollowing = false;
  }

  async #ask(from: number): Promise<void> {
    const block = Math.floor(from / BLOCK);
    this.#asked.add(block);
    try {
      const page = await bench.link.call<LadderPage>('wire.ladder', {
        session: this.session,
        peer: this.peer,
        from,
        count: BLOCK,
      });
      this.#take(page);
    } catch (error) {
      if (bench.state === 'open') bench.complain(error);
    } finally {
      this.isAsked = true;
      this.#asked.delete(block);
    }
  }

  #take(page: LadderPage): void {
    this.first = page.first;
    this.total = page.total;
    this.packets = page.packets;
    this.parties = page.parties;
    this.peers = page.peers;
    if (page.steps.length === 0) return;
    const blocks = new Map(this.#blocks);
    for (const step of page.steps) {
      const block = Math.floor(step.i / BLOCK);
      const steps = blocks.get(block) === this.#blocks.get(block) ? [...(blocks.get(block) ?? [])] : (blocks.get(block) ?? []);
      steps[step.i % BLOCK] = step;
      blocks.set(block, steps);
    }
    for (const block of blocks.keys()) {
      if ((block + 1) * BLOCK <= page.first) blocks.delete(block);
    }
    this.#blocks = blocks;
  }
}
