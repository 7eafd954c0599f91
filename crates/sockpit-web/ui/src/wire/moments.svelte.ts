// How the times of steps are told, and whether lessons are.

import { bench } from '../lib/bench.svelte';
import { clock, span } from '../lib/format';
import { keep, kept } from '../lib/prefs.svelte';
import type { Key } from '../lib/words.svelte';
import type { Step } from './types';

export type TimeKind = 'since' | 'delta' | 'clock';

export const TIMES: readonly { kind: TimeKind; name: Key }[] = [
  { kind: 'since', name: 'wire.time-since' },
  { kind: 'delta', name: 'wire.time-delta' },
  { kind: 'clock', name: 'wire.time-clock' },
];

class Times {
  kind = $state<TimeKind>(kept('wire-times', 'since'));

  choose(kind: string): void {
    this.kind = TIMES.find((one) => one.kind === kind)?.kind ?? 'since';
    keep('wire-times', this.kind);
  }
}

class Shows {
  #lessons = $state(kept('wire-lessons', false));

  get lessons(): boolean {
    return this.#lessons;
  }

  set lessons(lessons: boolean) {
    this.#lessons = lessons;
    keep('wire-lessons', lessons);
  }
}

export const chosenTimes = new Times();
export const shows = new Shows();

/** When a step was, in the chosen way. */
export function whenOf(step: Step): string {
  if (chosenTimes.kind === 'clock') return clock(step.at, bench.welcome?.epoch_ms ?? 0);
  if (chosenTimes.kind === 'delta') return step.since_last === null ? '' : `+${span(step.since_last)}`;
  return span(step.since_first);
}
