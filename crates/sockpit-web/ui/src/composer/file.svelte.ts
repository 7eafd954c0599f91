// A file on its way: cut into pieces, each sent when the one before was taken.

import { bench } from '../lib/bench.svelte';
import type { Session, Target } from '../lib/types';
import { targetOf } from './sending';

export type FileAs = 'bytes' | 'message' | 'lines';

export class Courier {
  file = $state.raw<File | null>(null);
  as = $state<FileAs>('bytes');
  /** In bytes: what the program has taken. */
  taken = $state(0);
  isBusy = $state(false);
  /** The job that it is, while it is on its way. */
  job: number | null = null;
  #cancelled = false;

  async send(session: Session, target: Target): Promise<boolean> {
    const { file, as } = this;
    if (!file || this.isBusy) return false;
    this.isBusy = true;
    this.taken = 0;
    this.#cancelled = false;
    try {
      const begun = await bench.link.call<{ job: number; piece: number }>('send.file.begin', {
        key: session.key,
        target: targetOf(session, target),
        name: file.name,
        size: file.size,
        as,
      });
      this.job = begun.job;
      await this.#pump(file, begun.job, begun.piece);
      return !this.#cancelled;
    } catch (error) {
      if (!this.#cancelled) {
        bench.complain(error);
        await this.#stop(session.key);
      }
      return false;
    } finally {
      this.isBusy = false;
      this.job = null;
    }
  }

  /** Stops it; what the program has taken may have left. */
  async cancel(session: Session): Promise<void> {
    this.#cancelled = true;
    await this.#stop(session.key);
  }

  async #stop(key: string): Promise<void> {
    // A job that has ended by itself is no trouble.
    if (this.job !== null) await bench.link.call('job.stop', { key, job: this.job }).catch(() => null);
  }

  async #pump(file: File, job: number, piece: number): Promise<void> {
    for (let at = 0; at < file.size && !this.#cancelled; ) {
      const slice = file.slice(at, at + piece);
      const bytes = new Uint8Array(4 + slice.size);
      new DataView(bytes.buffer).setUint32(0, job, true);
      bytes.set(new Uint8Array(await slice.arrayBuffer()), 4);
      await bench.link.sendBytes(bytes);
      at += slice.size;
      this.taken = at;
    }
  }
}
