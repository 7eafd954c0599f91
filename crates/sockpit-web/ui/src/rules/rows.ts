// Rows that the keyboard moves: the same keys for rules, steps and items of lists.

import { tick } from 'svelte';

export interface RowActions {
  count: number;
  onmove: (to: number) => void;
  onduplicate: () => void;
  onremove: () => void;
}

/**
 * Alt+Up and Alt+Down move a row, Ctrl+D doubles it, Ctrl+Delete removes it. The focus stays at the
 * same field, in the row that stands there then: rows are marked by `data-row`.
 */
export function handleRowKey(event: KeyboardEvent & { currentTarget: HTMLElement }, index: number, actions: RowActions): boolean {
  const { key, altKey, ctrlKey, metaKey, currentTarget: row } = event;
  const mod = ctrlKey || metaKey;
  let next = index;
  if (altKey && !mod && (key === 'ArrowUp' || key === 'ArrowDown')) {
    next = key === 'ArrowUp' ? index - 1 : index + 1;
    if (next >= 0 && next < actions.count) actions.onmove(next);
    else next = index;
  } else if (mod && key.toLowerCase() === 'd') {
    actions.onduplicate();
    next = index + 1;
  } else if (mod && key === 'Delete') {
    actions.onremove();
    next = Math.max(0, Math.min(index, actions.count - 2));
  } else {
    return false;
  }
  event.preventDefault();
  focusRow(row, next, fieldsOf(row).indexOf(event.target as HTMLElement));
  return true;
}

/** Sets the focus into a row beside this one, once it is drawn. */
export function focusRow(row: HTMLElement, index: number, field: number): void {
  const all = row.parentElement;
  // Before the next key comes: that is typed there already.
  void tick().then(() => {
    const next = all?.querySelector<HTMLElement>(`[data-row="${index}"]`);
    if (next) fieldsOf(next)[Math.max(0, field)]?.focus();
  });
}

function fieldsOf(row: HTMLElement): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>('input, textarea, select, button:not(:disabled)')];
}
