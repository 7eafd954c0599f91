// Loads a TypeScript module of the page that touches neither browser nor Svelte.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/** The exports of `src/PATH`. */
export async function source(path) {
  const file = fileURLToPath(new URL(`../src/${path}`, import.meta.url));
  return (await runnerImport(file, { configFile: false, logLevel: 'error' })).module;
}
