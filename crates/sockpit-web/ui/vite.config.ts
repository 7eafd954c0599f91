import { svelte } from '@sveltejs/vite-plugin-svelte';
import { join } from 'node:path';
import { defineConfig } from 'vite';
import { leanUplot } from './build/lean-uplot.ts';
import { licences } from './build/licences.ts';
import { shortKeys } from './build/short-keys.ts';

const root = import.meta.dirname;

// The same sources give the same bytes: the gate builds again and compares.
export default defineConfig({
  root,
  base: './',
  plugins: [shortKeys(join(root, 'src')), svelte(), leanUplot(), licences(root)],
  build: {
    target: 'es2023',
    // It saves some kilobytes of the 150 that the page may have.
    minify: 'terser',
    // Not `pure_getters`: an effect names what it depends on by reading it, and that would be dropped.
    terserOptions: { module: true, ecma: 2020, compress: { passes: 3 } },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
