// What the page says, in English and 简体中文; the catalogue stands beside that of the program. A browser
// loads the language that it shows, and the other one when somebody asks for it.

import type { Key, PluralKey, Table } from './words.gen';
import { prefs } from './prefs.svelte';

export type Language = 'en' | 'zh';

const TABLES = {
  en: () => import('./words.en.gen'),
  zh: () => import('./words.zh.gen'),
};
const LOCALES = { en: 'en', zh: 'zh-CN' };
const RULES = { en: new Intl.PluralRules('en'), zh: new Intl.PluralRules('zh-CN') };

/** Set before anything is drawn. */
let table = $state.raw({} as Table);

/** Goes on in a language. */
export async function speak(language: Language): Promise<void> {
  table = (await TABLES[language]()).TABLE;
  prefs.language = language;
}

type Values = Record<string, string | number>;

function fill(said: string, values: Values): string {
  return said.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** The sentence of a key, its places filled. */
export function t(key: Key, values: Values = {}): string {
  return fill(table[key], values);
}

/** The sentence of a key for so many things; `{n}` is their number. */
export function count(key: PluralKey, n: number, values: Values = {}): string {
  const said = table[key];
  const one = said[RULES[prefs.language].select(n)] ?? said.other ?? '';
  return fill(one, { n: number(n), ...values });
}

/** A number with the separators of the language. */
export function number(n: number): string {
  return n.toLocaleString(LOCALES[prefs.language]);
}

export type { Key, PluralKey };
