// In the bundle a sentence is called by a number: its key is for those who write the page, and eight
// hundred keys, each standing in three places, are a twentieth of all that a browser has to load.
//
// Keys that are put together while the page runs (`t(`sessions.option-${key}`)`) keep their names, and so
// does one that is also the name of a call.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const KEY = /(['"])([a-z]+\.[a-z0-9-]+)\1/g;
const PUT_TOGETHER = /`([a-z]+\.[a-z0-9-]*)\$\{/g;
const CALL = /\b(?:call|ask)(?:<[^(]*>)?\(\s*'([a-z.]+)'/g;
const TABLE = 'words.en.gen.ts';

/** The short name of each key that may have one. */
function shortNames(source: string): Map<string, string> {
  const kept = new Set<string>();
  const begun: string[] = [];
  let table = '';
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(ts|svelte)$/.test(entry.name)) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    if (entry.name === TABLE) table = text;
    if (!entry.name.endsWith('.gen.ts')) {
      for (const [, start] of text.matchAll(PUT_TOGETHER)) begun.push(start as string);
      for (const [, name] of text.matchAll(CALL)) kept.add(name as string);
    }
  }
  const names = new Map<string, string>();
  for (const [, key] of table.matchAll(/^ {2}"([^"]+)": /gm)) {
    const name = key as string;
    if (!kept.has(name) && !begun.some((start) => name.startsWith(start))) names.set(name, names.size.toString(36));
  }
  return names;
}

export function shortKeys(source: string): Plugin {
  let names = new Map<string, string>();
  return {
    name: 'short-keys',
    enforce: 'pre',
    apply: 'build',
    buildStart() {
      names = shortNames(source);
    },
    transform(code, id) {
      if (!id.startsWith(source) || !/\.(ts|svelte)$/.test(id)) return null;
      const renamed = code.replace(KEY, (all, quote: string, key: string) => {
        const name = names.get(key);
        return name === undefined ? all : `${quote}${name}${quote}`;
      });
      return { code: renamed, map: null };
    },
  };
}
