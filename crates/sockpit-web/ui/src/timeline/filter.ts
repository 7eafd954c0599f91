// Writing filters: words that may follow, and terms made of what is seen.

import { hexOf } from '../lib/format';
import type { Field, Row } from './row';

export interface Word {
  word: string;
  about: string;
}

export interface Completion {
  /** What of the text is replaced. */
  from: number;
  to: number;
  words: Word[];
}

/** The words that the one at the caret may become. */
export function complete(text: string, caret: number, words: readonly Word[], most: number): Completion {
  const before = text.slice(0, caret);
  const isQuoted = (before.match(/(?<!\\)"/g) ?? []).length % 2 === 1;
  const typed = /[\w]*$/.exec(before)?.[0] ?? '';
  const from = caret - typed.length;
  if (isQuoted || typed === '') return { from, to: caret, words: [] };
  const found = words.filter(({ word }) => word.startsWith(typed.toLowerCase()) && word !== typed);
  return { from, to: caret, words: found.slice(0, most) };
}

/** A value as the filter language quotes it. */
export function quoted(value: string): string {
  const inner = value.replace(/["\\\n\r\t\0]/g, (char) => `\\${{ '\n': 'n', '\r': 'r', '\t': 't', '\0': '0' }[char] ?? char}`);
  return `"${inner.replace(/[\x01-\x1f\x7f]/g, (char) => `\\x${hexOf(char.charCodeAt(0))}`)}"`;
}

/** A filter that asks for one thing more. */
export function and(filter: string, term: string): string {
  const before = filter.trim();
  if (before === '') return term;
  return /\bor\b|\|\|/.test(before) ? `(${before}) and ${term}` : `${before} and ${term}`;
}

export function not(term: string): string {
  return `not ${/\s(and|or)\s/.test(term) ? `(${term})` : term}`;
}

/** What may be asked of a row: what it is called, and the term. */
export type Aspect = 'session' | 'peer' | 'dir' | 'kind' | 'text' | 'len' | 'later';

export function terms(row: Row, atOfText: string): { aspect: Aspect; term: string }[] {
  const found: { aspect: Aspect; term: string }[] = [{ aspect: 'session', term: `session ${row.s}` }];
  if (row.p > 0) found.push({ aspect: 'peer', term: `peer ${row.p}` });
  if (row.dir !== null) found.push({ aspect: 'dir', term: row.dir });
  if (row.kind === 'packet') found.push({ aspect: 'kind', term: '(tcp or udp or ip or ip6)' });
  else if (row.kind !== 'gone') found.push({ aspect: 'kind', term: row.kind });
  if (row.dir !== null) {
    if (row.kind === 'frame' && row.text && row.bad !== true) found.push({ aspect: 'text', term: textTerm(row.text, row.more) });
    found.push({ aspect: 'len', term: `len = ${row.len}` });
  }
  found.push({ aspect: 'later', term: `at >= ${atOfText}` });
  return found;
}

function textTerm(shown: string, isCut: boolean): string {
  const text = shown.replace(/[\u2400-\u2421]/g, (picture) => {
    const code = picture.charCodeAt(0) - 0x2400;
    return String.fromCharCode(code === 0x21 ? 0x7f : code);
  });
  return isCut ? `text starts ${quoted(text.replace(/…$/, ''))}` : `text = ${quoted(text)}`;
}

const NUMBER_FIELDS: Record<string, string> = {
  'Source Port': 'src port',
  'Destination Port': 'dst port',
  'Sequence Number': 'seq =',
  'Acknowledgment Number': 'ack =',
  Window: 'window =',
};
const ADDRESS_FIELDS: Record<string, string> = { 'Source Address': 'src', 'Destination Address': 'dst' };

/** Longer bytes are no term for people. */
const MOST_BYTES = 64;

/** The term that finds messages with such a field; `hex` is the field's bytes, as far as they are known. */
export function fieldTerm(field: Field, hex: string, isPacket: boolean): string | null {
  const word = NUMBER_FIELDS[field.name];
  const n = /\d+/.exec(field.value)?.[0];
  if (isPacket && word !== undefined && n !== undefined) return `${word} ${n}`;
  const address = ADDRESS_FIELDS[field.name];
  if (isPacket && address !== undefined) return `${address} ${field.value.split(' ')[0] ?? ''}`;
  if (isPacket && !/payload|data/i.test(field.name)) return null;
  const len = field.to - field.from;
  if (len === 0 || len > MOST_BYTES || hex.length < 2 * len) return null;
  return `hex ~ "${(hex.match(/../g) ?? []).join(' ').toUpperCase()}"`;
}
