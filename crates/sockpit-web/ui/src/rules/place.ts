// Where in a rule file something stands.

export type Part = 'rules' | 'script' | 'lists';

/** A mistake in one row, and which of its fields has it. */
export interface Mistake {
  message: string;
  field: string;
}

/** The line and the column of a place, both from 1, columns in characters. */
export function lineColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: Array.from(before.slice(start)).length + 1 };
}

const PARTS = { rule: 'rules', script: 'script', list: 'lists' } as const;

/** Which row a path such as `rules.2.pattern` is of; the rest of it is the field. */
export function rowOfPath(path: string): { part: Part; index: number; field: string } | null {
  const [, part, index, field = ''] = /^(rules|script|lists)\.(\d+)(?:\.(.*))?$/.exec(path) ?? [];
  return part === undefined ? null : { part: part as Part, index: Number(index), field };
}

/** Which row holds a place of the text, by the headers before it; `null` where none does. */
export function rowAt(toml: string, at: number): { part: Part; index: number; field: string } | null {
  const numbers = { rules: -1, script: -1, lists: -1 };
  let part: Part | null = null;
  for (const match of toml.matchAll(/^[ \t]*\[\[[ \t]*(rule|script|list)[ \t]*\]\]/gm)) {
    // A mistake of a whole table is told at its header.
    if (match.index > at) break;
    part = PARTS[match[1] as keyof typeof PARTS];
    numbers[part] += 1;
  }
  return part && { part, index: numbers[part], field: '' };
}
