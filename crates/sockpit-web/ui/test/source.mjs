// Loads a TypeScript module of the page that touches neither browser nor Svelte.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** The exports of `src/PATH`. It may import types alone. */
export async function source(path) {
  const text = readFileSync(new URL(`../src/${path}`, import.meta.url), 'utf8');
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  return import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}
