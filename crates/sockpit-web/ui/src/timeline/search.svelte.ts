// Looking for something in the rows of the view.

import { bench } from '../lib/bench.svelte';
import { t } from '../lib/words.svelte';
import { timeline } from './timeline.svelte';

export type SearchKind = 'text' | 're' | 'hex';
export const SEARCH_KINDS: readonly SearchKind[] = ['text', 're', 'hex'];

class Search {
  isOpen = $state(false);
  kind = $state<SearchKind>('text');
  wanted = $state('');
  isSearching = $state(false);
  /** How the last one ended, where it did not simply find a row. */
  outcome = $state<'found' | 'around' | 'nowhere'>('found');
  #turn = 0;

  /** Ranges of a row's text that are looked for, for the eye alone. */
  hits = (text: string): [number, number][] => {
    if (!this.isOpen || this.wanted === '' || this.kind === 'hex') return [];
    const pattern = this.kind === 're' ? this.#pattern : null;
    if (this.kind === 're' && !pattern) return [];
    const found: [number, number][] = [];
    if (pattern) {
      for (const match of text.matchAll(pattern)) {
        if (match[0] !== '') found.push([match.index, match.index + match[0].length]);
      }
      return found;
    }
    for (let at = text.indexOf(this.wanted); at >= 0; at = text.indexOf(this.wanted, at + this.wanted.length)) {
      found.push([at, at + this.wanted.length]);
    }
    return found;
  };

  // The program's expressions are not quite the browser's: what the browser does not know is not lit.
  #pattern = $derived.by(() => {
    try {
      return this.kind === 're' ? new RegExp(this.wanted, 'gu') : null;
    } catch {
      return null;
    }
  });

  /** Goes to the next row, or the one before, and once around the ends. */
  async go(isBack: boolean): Promise<void> {
    const { view, end } = timeline;
    if (view.id === null || this.wanted === '' || end <= view.told.first) return;
    const turn = ++this.#turn;
    this.isSearching = true;
    const from = timeline.active === null ? (isBack ? end - 1 : view.told.first) : timeline.active + (isBack ? -1 : 1);
    const isInside = from >= view.told.first && from < end;
    let i = isInside ? await this.#find(from, isBack) : null;
    let isAround = false;
    if (i === null && turn === this.#turn) {
      isAround = true;
      i = await this.#find(isBack ? end - 1 : view.told.first, isBack);
    }
    if (turn !== this.#turn) return;
    this.isSearching = false;
    this.outcome = i === null ? 'nowhere' : isAround ? 'around' : 'found';
    if (this.outcome !== 'found') bench.spoken = t(i === null ? 'timeline.search-nowhere' : 'timeline.search-around');
    if (i === null) return;
    timeline.list.center(i - view.told.first);
    timeline.choose(i);
  }

  async #find(from: number, isBack: boolean): Promise<number | null> {
    const args = { view: timeline.view.id, from, back: isBack, [this.kind]: this.wanted };
    const answer = await bench.ask<{ i: number | null }>('view.find', args);
    return answer?.i ?? null;
  }
}

export const search = new Search();
