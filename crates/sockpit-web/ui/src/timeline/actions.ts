// What is done with rows: copied, saved, exported.

import { bench } from '../lib/bench.svelte';
import { spacedHex } from '../lib/format';
import { save } from '../lib/save';
import { count, t } from '../lib/words.svelte';
import { hasBytes, lineOf, type As, type Detail, type Row } from './row';
import { MOST_AT_ONCE } from './rows';
import { timeline } from './timeline.svelte';

export type ExportForm = 'jsonl' | 'pcapng' | 'txt' | 'csv';
export const EXPORT_FORMS: readonly ExportForm[] = ['jsonl', 'pcapng', 'txt', 'csv'];

/** More rows are exported rather than copied. */
const MOST_ROWS = 10_000;

/** So many cut rows are looked up whole. */
const MOST_WHOLE = 100;

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    bench.tell('bad', t('timeline.no-clipboard'));
    return false;
  }
}

/** Copies rows as lines, with their times as the list shows them. */
export async function copyRows(from: number, to: number, time: (row: Row) => string, as: As | null): Promise<void> {
  const end = Math.min(to, from + MOST_ROWS);
  const lines: string[] = [];
  let whole = 0;
  for (let at = from; at < end; at += MOST_AT_ONCE) {
    for (const row of await timeline.view.rows(at, Math.min(MOST_AT_ONCE, end - at))) {
      const form = as ?? timeline.formOf(row);
      const text = row.more && form !== 'hex' && ++whole <= MOST_WHOLE ? await wholeText(row) : (row.text ?? '');
      const hex = spacedHex(row.hex) + (row.hex.length < 2 * row.len ? ' …' : '');
      const content = !hasBytes(row) ? (row.label ?? '') : form === 'text' ? text : form === 'hex' ? hex : `${hex}  ${text}`;
      lines.push(lineOf(row, time(row), content));
    }
  }
  if (lines.length > 0 && (await copyText(`${lines.join('\n')}\n`))) bench.tell('good', count('timeline.copied-rows', lines.length));
}

async function wholeText(row: Row): Promise<string> {
  const detail = await bench.ask<Detail>('view.detail', { view: timeline.view.id, i: row.i });
  return detail?.text ?? row.text ?? '';
}

export async function exportView(form: ExportForm): Promise<void> {
  const { id } = timeline.view;
  if (id !== null) await download('api/export', { view: id, format: form }, `timeline.${form}`);
}

export async function saveBytes(row: Row): Promise<void> {
  const { id } = timeline.view;
  if (id !== null) await download('api/bytes', { view: id, i: row.i }, `message-${row.n}.bin`);
}

/** Fetches something large and gives it to the browser to keep. */
async function download(path: string, args: object, otherwise: string): Promise<void> {
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bench.link.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ page: bench.welcome?.page, ...args }),
    });
    if (!answer.ok) throw new Error(await complaintOf(answer));
    save(nameOf(answer.headers.get('Content-Disposition')) ?? otherwise, await answer.blob());
  } catch (error) {
    bench.tell('bad', t('timeline.export-failed'), error instanceof Error ? error.message : '');
  }
}

async function complaintOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    return text || answer.statusText;
  }
}

function nameOf(disposition: string | null): string | null {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1] ?? null;
}

export async function clear(): Promise<void> {
  await bench.ask('view.clear', { session: timeline.wish.session });
}

/** Sets a bookmark, or takes it away. */
export async function mark(row: Row, note: string | null): Promise<void> {
  await bench.ask('view.mark', { view: timeline.view.id, i: row.i, note });
  timeline.view.refresh(row.i);
}
