// What somebody has chosen for this page: kept by the browser, nowhere else.

import type { Language } from './words.svelte';

export type Theme = 'auto' | 'light' | 'dark';

const PREFIX = 'sockpit.';

/** What was kept under a name; `otherwise` where nothing was, or the browser keeps nothing. */
export function kept<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** Keeps something; a browser that keeps nothing is no failure. */
export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the choice lasts as long as the page.
  }
}

class Prefs {
  #language = $state<Language>(kept('language', navigator.language.startsWith('zh') ? 'zh' : 'en'));
  #theme = $state<Theme>(kept('theme', 'auto'));

  get language(): Language {
    return this.#language;
  }

  set language(language: Language) {
    this.#language = language;
    keep('language', language);
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    keep('theme', theme);
  }
}

export const prefs = new Prefs();
