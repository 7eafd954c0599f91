// The drones that are flown or simulated here.

import { bench } from '../lib/bench.svelte';

export interface State {
  pitch: number;
  roll: number;
  yaw: number;
  /** In cm above where it took off. */
  h: number;
  /** In percent. */
  bat: number;
  tof?: number | null;
  temp?: number | null;
  x?: number | null;
  y?: number | null;
}

export interface LogLine {
  i: number;
  at: number;
  text: string;
  aside?: string | null;
  kind: 'out' | 'in' | 'refused' | 'about' | 'wrong' | 'hint';
}

export interface Drone {
  id: number;
  kind: 'real' | 'simulated';
  address: string;
  sdk: string | null;
  state: State | null;
  flying: boolean;
  ready: boolean;
  /** The command that it has not answered yet, and how many wait behind it. */
  waiting: string | null;
  phase?: string | null;
  state_port?: number | null;
  ended: boolean | string | null;
  log: LogLine[];
}

/** A place in cm: ahead, to the left, up, from where it took off. */
export interface Place {
  x: number;
  y: number;
  z: number;
}

export interface Reply {
  reply: string | null;
  end: 'done' | 'refused' | 'unanswered' | 'dropped';
  took_ms: number;
}

class Drones {
  all = $state.raw<Drone[]>([]);
  #isListening = false;

  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    bench.link.on<Drone[]>('drones', (all) => (this.all = all));
  }
}

export const drones = new Drones();
