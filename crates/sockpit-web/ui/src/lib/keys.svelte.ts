// What the keyboard does. Letters act only where nobody is typing.

import { untrack } from 'svelte';
import { hasModal } from './modal';

export interface Shortcut {
  /** As `KeyboardEvent.key` says it; `Mod+k` is Ctrl, or Cmd on a Mac. */
  key: string;
  /** What it does, for the list of keys and the palette. */
  label: () => string;
  run: () => void;
  /** Whether it is offered now. */
  when?: () => boolean;
}

/** Those that are there now, the latest first: what is nearest to the user wins. */
class Shortcuts {
  all = $state.raw<Shortcut[]>([]);
}

export const shortcuts = new Shortcuts();

/** Adds shortcuts as long as a component lives: `$effect(() => useShortcuts([...]))`. */
export function useShortcuts(added: Shortcut[]): () => void {
  // The effect that adds them does not run again because there are more.
  untrack(() => (shortcuts.all = [...added, ...shortcuts.all]));
  return () => (shortcuts.all = shortcuts.all.filter((one) => !added.includes(one)));
}

export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey || (!mod && isTyping(event.target))) return;
  const key = mod ? `Mod+${event.key.toLowerCase()}` : event.key;
  // It closes what is open before everything else.
  if (key === 'Escape' && document.querySelector(':popover-open')) return;
  const hit = shortcuts.all.find((one) => one.key === key && (one.when?.() ?? true));
  if (!hit) return;
  // What is behind a dialog rests. Its own buttons have Space and Enter; the browser's Ctrl+S is not meant there either.
  const rests = hasModal();
  if (mod || !rests) event.preventDefault();
  if (!rests) hit.run();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type)))
  );
}
