// Who holds which port, looked at again and again while somebody watches.

import { bench } from '../lib/bench.svelte';
import { filtered, type Port } from './port';

const LOOK_MS = 2000;

export class PortsView {
  ports = $state.raw<Port[]>([]);
  isKnown = $state(false);
  isLive = $state(true);
  wanted = $state('');
  /** Connections too, not only who waits for some. */
  hasAll = $state(false);
  hasUnix = $state(false);
  #timer: ReturnType<typeof setInterval>;
  #isAsking = false;
  /** Whether somebody wanted to look while the program was asked. */
  #isStale = false;

  shown = $derived(filtered(this.ports, this.wanted));

  constructor(wanted: string) {
    this.wanted = wanted;
    this.#timer = setInterval(() => this.isLive && !document.hidden && !this.#isAsking && void this.look(), LOOK_MS);
    void this.look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    if (bench.state !== 'open') return;
    this.#isStale = this.#isAsking;
    if (this.#isAsking) return;
    this.#isAsking = true;
    const ports = await bench.ask<Port[]>('ports.list', { all: this.hasAll, unix: this.hasUnix });
    if (ports) this.ports = ports;
    else this.isLive = false;
    this.isKnown = true;
    this.#isAsking = false;
    if (this.#isStale) await this.look();
  }
}
