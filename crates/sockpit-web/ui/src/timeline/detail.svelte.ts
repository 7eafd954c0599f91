// One row, looked at closely: its bytes as far as they are seen, and what is selected in them.

import { bench } from '../lib/bench.svelte';
import { bytesOfHex } from '../lib/format';
import { bytesOfBase64 } from './copy';
import { innermost, type Detail, type Field, type Row } from './row';
import { Scroller } from './scroller.svelte';
import { timeline } from './timeline.svelte';

/** In bytes: what is asked for at once, and what the program sends with the row itself. */
export const BLOCK = 64 * 1024;

/** More blocks are not kept: 4 MiB. */
const MOST_BLOCKS = 64;

/** More is saved to a file rather than copied. */
export const MOST_TO_COPY = 1024 * 1024;

export class Close {
  detail = $state.raw<Detail | null>(null);
  /** The bytes selected, from the first to the one after the last. */
  selection = $state.raw<{ from: number; to: number } | null>(null);
  field = $state.raw<Field | null>(null);
  readonly lines = new Scroller(20);
  /** Bytes on a line of the hex view. */
  perLine = $state(16);
  #blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  #changes = $state(0);
  #asked = new Set<number>();
  #turn = 0;

  get len(): number {
    return this.detail?.bytes.len ?? 0;
  }

  get isPacket(): boolean {
    return this.detail?.row.kind === 'packet';
  }

  /** Asks for a row; the one before stays until it is there. */
  async open(row: Row): Promise<void> {
    const turn = ++this.#turn;
    const view = timeline.view.id;
    if (view === null) return;
    // A row that went meanwhile is no mistake of anybody's.
    const detail = await bench.link.call<Detail>('view.detail', { view, i: row.i }).catch(() => null);
    if (turn !== this.#turn || !detail || detail.row.n !== row.n) return;
    const isOther = detail.row.n !== this.detail?.row.n || detail.row.off !== this.detail.row.off;
    this.detail = detail;
    this.#asked.clear();
    if (!isOther) return;
    this.selection = this.field = null;
    this.lines.top = 0;
    this.#blocks.clear();
    this.#blocks.set(0, bytesOfHex(detail.bytes.hex));
    this.#changes += 1;
  }

  /** The bytes of a window, as far as they are there; what is missing is asked for. */
  bytes(from: number, to: number): { at: number; bytes: Uint8Array<ArrayBuffer> } {
    void this.#changes;
    const end = Math.min(to, this.len);
    const found = new Uint8Array(Math.max(0, end - from));
    let known = 0;
    for (let at = from; at < end; ) {
      const index = Math.floor(at / BLOCK);
      const block = this.#blocks.get(index);
      const inner = at - index * BLOCK;
      if (!block || block.length <= inner) {
        void this.#ask(index);
        break;
      }
      const piece = block.subarray(inner, Math.min(block.length, inner + end - at));
      found.set(piece, at - from);
      at += piece.length;
      known = at - from;
    }
    return { at: from, bytes: found.subarray(0, known) };
  }

  /** All bytes of a window, waited for. */
  async whole(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const end = Math.min(to, this.len, from + MOST_TO_COPY);
    const found = new Uint8Array(Math.max(0, end - from));
    for (let at = from; at < end; ) {
      const index = Math.floor(at / BLOCK);
      if (!this.#blocks.has(index)) await this.#ask(index);
      const piece = this.#blocks.get(index)?.subarray(at - index * BLOCK, end - index * BLOCK);
      if (!piece || piece.length === 0) break;
      found.set(piece, at - from);
      at += piece.length;
    }
    return found;
  }

  /** Selects bytes, and with them the innermost field that holds them. */
  select(from: number, to: number): void {
    const last = Math.max(0, this.len - 1);
    const start = Math.min(Math.max(0, from), last);
    this.selection = { from: start, to: Math.min(Math.max(to, start + 1), this.len) };
    this.field = this.detail ? innermost(this.detail.fields, this.selection.from, this.selection.to) : null;
    this.#reveal();
  }

  selectField(field: Field): void {
    this.field = field;
    this.selection = field.from < field.to ? { from: field.from, to: field.to } : null;
    this.#reveal();
  }

  #reveal(): void {
    if (this.selection) this.lines.reveal(Math.floor(this.selection.from / this.perLine));
  }

  async #ask(index: number): Promise<void> {
    const view = timeline.view.id;
    const row = this.detail?.row;
    if (this.#asked.has(index) || view === null || !row) return;
    this.#asked.add(index);
    const turn = this.#turn;
    const args = { view, i: row.i, from: index * BLOCK, len: BLOCK };
    const answer = await bench.link.call<{ base64: string }>('view.bytes', args).catch(() => null);
    if (turn !== this.#turn || !answer) return;
    this.#asked.delete(index);
    this.#blocks.set(index, bytesOfBase64(answer.base64));
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    this.#changes += 1;
  }
}

export const close = new Close();
