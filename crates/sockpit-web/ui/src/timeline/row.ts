// What the program says of a row of a view, and what follows from it alone.

import { hexOf } from '../lib/format';
import type { Direction } from '../lib/types';

export type Kind =
  | 'frame'
  | 'chunk'
  | 'packet'
  | 'opened'
  | 'closed'
  | 'listening'
  | 'fault'
  | 'gap'
  | 'note'
  | 'gone';

export interface Row {
  /** Its place in the view; it keeps it until the view's revision changes. */
  i: number;
  /** The number of the event of its first byte. */
  n: number;
  at: number;
  /** Nanoseconds since the row before it. */
  d: number | null;
  s: number;
  p: number;
  kind: Kind;
  dir: Direction | null;
  off?: number;
  len: number;
  /** Of a datagram that was longer than the buffer. */
  full?: number;
  partial?: boolean;
  bad?: boolean;
  /** On one line; nothing where there is no charset. */
  text: string | null;
  hex: string;
  /** Text and hex are not all of it. */
  more: boolean;
  label?: string;
  mark?: string;
  hl?: [number, number][];
  tcp?: { flags: string; seq: number; ack: number; win: number; labels: string[] };
  reason?: string;
  addr?: string;
}

/** A part of the bytes with a name. */
export interface Field {
  name: string;
  value: string;
  from: number;
  to: number;
  mark?: string | null;
  children: Field[];
}

export interface Detail {
  row: Row;
  /** `payload` is where it lies in them; `gone` says why they are not there. */
  bytes: { len: number; hex: string; payload: [number, number] | null; gone: string | null };
  charset: string | null;
  text: string;
  fields: Field[];
  chunks: { n: number; at: number; off: number; len: number }[];
  latency_ns: number | null;
}

export type As = 'text' | 'hex' | 'both';
export const FORMS: readonly As[] = ['text', 'hex', 'both'];

/** The next way to show bytes. */
export function nextForm(as: As): As {
  return FORMS[(FORMS.indexOf(as) + 1) % FORMS.length] ?? 'text';
}

export function hasBytes(row: Row): boolean {
  return row.kind === 'frame' || row.kind === 'chunk' || row.kind === 'packet';
}

/** A sign for what a row is; never told by colour alone. */
export function sign(row: Row): string {
  switch (row.kind) {
    case 'frame':
    case 'chunk':
      return row.dir === 'in' ? '←' : '→';
    case 'packet':
      return row.dir === 'in' ? '⇠' : '⇢';
    case 'opened':
      return '●';
    case 'closed':
      return '○';
    case 'listening':
      return '◎';
    case 'fault':
      return '▲';
    case 'gap':
    case 'gone':
      return '≋';
    case 'note':
      return '✎';
  }
}

/** One line for the clipboard; `time` is as the list shows it. */
export function lineOf(row: Row, time: string, content: string): string {
  return `[${time}] ${sign(row)} ${row.p > 0 ? `${row.p} ` : ''}${content}`;
}

/** The innermost field that holds all of these bytes. */
export function innermost(fields: readonly Field[], from: number, to: number): Field | null {
  for (const field of fields) {
    if (field.from < field.to && field.from <= from && to <= field.to) {
      return innermost(field.children, from, to) ?? field;
    }
    // What was computed has no place of its own; its parts may.
    if (field.from === field.to) {
      const inner = innermost(field.children, from, to);
      if (inner) return inner;
    }
  }
  return null;
}

/** A text with its control characters, which come as pictures, spelled as in a program. */
export function spelled(text: string): { text: string; isControl: boolean }[] {
  return (text.match(/[\u2400-\u2421]+|[^\u2400-\u2421]+/g) ?? []).map((part) => {
    const isControl = part >= '\u2400' && part < '\u2422';
    return { text: isControl ? [...part].map(spelling).join('') : part, isControl };
  });
}

const SPELLINGS: Record<number, string> = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r', 27: '\\e', 0x21: '\\x7f' };

function spelling(picture: string): string {
  const code = picture.charCodeAt(0) - 0x2400;
  return SPELLINGS[code] ?? `\\x${hexOf(code)}`;
}

/** Pieces of a text, those within the ranges being marked. */
export function pieces(text: string, ranges: readonly [number, number][]): { text: string; isHit: boolean }[] {
  const found: { text: string; isHit: boolean }[] = [];
  let at = 0;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(from, at);
    if (to <= start || start >= text.length) continue;
    if (start > at) found.push({ text: text.slice(at, start), isHit: false });
    found.push({ text: text.slice(start, to), isHit: true });
    at = to;
  }
  if (at < text.length) found.push({ text: text.slice(at), isHit: false });
  return found;
}
