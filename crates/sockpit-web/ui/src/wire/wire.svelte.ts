// What the wire of one session is looked at by: which peer, and the ladder that knows them all.

import { bench } from '../lib/bench.svelte';
import type { Session } from '../lib/types';
import { LadderView } from './ladder.svelte';

export type WireTab = 'ladder' | 'lens' | 'graphs' | 'values';
export const WIRE_TABS: readonly WireTab[] = ['ladder', 'lens', 'graphs', 'values'];

export interface Choice {
  number: number;
  addr: string;
  isOpen: boolean;
}

/** The tab that was looked at last, and the peer: they outlive the page of one session. */
export const looked = $state<{ tab: WireTab }>({ tab: 'ladder' });

export class WireView {
  /** `null` is all of them. */
  peer = $state<number | null>(null);
  #all: LadderView;
  #one = $state.raw<LadderView | null>(null);

  constructor(readonly session: number) {
    this.#all = new LadderView(session, null);
  }

  close(): void {
    this.#all.close();
    this.#one?.close();
  }

  choose(peer: number | null): void {
    this.#one?.close();
    this.peer = peer;
    this.#one = peer === null ? null : new LadderView(this.session, peer);
  }

  get ladder(): LadderView {
    return this.#one ?? this.#all;
  }

  /** Whether nothing has happened yet. */
  get isEmpty(): boolean {
    return this.#all.total === 0;
  }

  get packets() {
    return this.#all.packets;
  }

  /** Every peer that there was, the latest last. */
  choices(session: Session): Choice[] {
    const found = new Map<number, Choice>();
    for (const { number, addr } of this.#all.peers) found.set(number, { number, addr, isOpen: false });
    for (const { number, addr } of bench.peers[session.key] ?? []) found.set(number, { number, addr, isOpen: true });
    return [...found.values()].sort((a, b) => a.number - b.number);
  }
}
