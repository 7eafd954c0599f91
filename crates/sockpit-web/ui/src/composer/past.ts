// What was sent before: the latest first, each thing once.

export interface Sent {
  side: 'text' | 'hex';
  content: string;
  escapes: boolean;
}

const LIMIT = 100;

/** In characters: longer messages are not kept, the browser's store is small. */
const LONGEST = 16_384;

export const isSame = (a: Sent, b: Sent): boolean => a.side === b.side && a.content === b.content && a.escapes === b.escapes;

/** With one thing more at the front. */
export function withSent(past: readonly Sent[], sent: Sent): Sent[] {
  if (sent.content === '' || sent.content.length > LONGEST) return [...past];
  return [sent, ...past.filter((one) => !isSame(one, sent))].slice(0, LIMIT);
}

/** Those that hold every word, whatever its case. */
export function found(past: readonly Sent[], wanted: string): Sent[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return past.filter(({ content }) => words.every((word) => content.toLowerCase().includes(word)));
}

/** Whether the caret stands where Up, or Down, has no line to go to. */
export function leavesText(text: string, caret: number, key: 'ArrowUp' | 'ArrowDown'): boolean {
  return !(key === 'ArrowUp' ? text.slice(0, caret) : text.slice(caret)).includes('\n');
}
