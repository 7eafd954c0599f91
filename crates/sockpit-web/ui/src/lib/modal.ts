// Dialogs before which everything else rests.

import { onDestroy } from 'svelte';
import type { Attachment } from 'svelte/attachments';

/**
 * Shows a dialog, and tells as soon as it is closed, whoever closes it.
 *
 * The event `close` comes in a task of its own: a key that is typed before it may have asked for the
 * next dialog already, which would then be taken for the one that closed.
 */
export function modal(closed: () => void): Attachment<HTMLDialogElement> {
  return (dialog) => {
    dialog.showModal();
    const watch = new MutationObserver(() => {
      if (!dialog.open) closed();
    });
    watch.observe(dialog, { attributeFilter: ['open'] });
    return () => watch.disconnect();
  };
}

/** Whether a dialog hides what is behind it. */
export function hasModal(): boolean {
  return document.querySelector('dialog:modal') !== null;
}

/** Whether the component that asks is there: an answer that it waited for may come when it has gone. */
export function presence(): () => boolean {
  let isThere = true;
  onDestroy(() => (isThere = false));
  return () => isThere;
}
