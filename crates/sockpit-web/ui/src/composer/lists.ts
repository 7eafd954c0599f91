// What the send lists compute: which item runs, whether a list is too fast, a file for the program.

import type { List } from '../rules/structure';

/** Which item of a list is on its way when so many were sent. */
export function runningItem(sent: number, items: number): number | null {
  return items === 0 ? null : sent % items;
}

/** In ns: a list that runs more than once takes at least so long each time. */
const SHORTEST_ROUND = 1e6;

/** Whether a list would send without a pause: the program refuses that. */
export function isTooFast({ rounds, items }: List): boolean {
  return rounds !== 1 && items.reduce((sum, item) => sum + item.delay_ns, 0) < SHORTEST_ROUND;
}

/** Bytes as base64, of files of some MiB at most. */
export function base64Of(bytes: Uint8Array): string {
  /** In bytes: what one call takes as arguments. */
  const BLOCK = 0x8000;
  let text = '';
  for (let at = 0; at < bytes.length; at += BLOCK) text += String.fromCharCode(...bytes.subarray(at, at + BLOCK));
  return btoa(text);
}

/** What a trouble of an import says, whether it comes whole or in its parts. */
export function troubleWords(trouble: string | { place: string; what: string }): string {
  return typeof trouble === 'string' ? trouble : `${trouble.place}: ${trouble.what}`;
}
