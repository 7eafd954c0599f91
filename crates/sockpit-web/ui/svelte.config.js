import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // Short names of scopes; two that are the same would be seen at once, and have not been.
    cssHash: ({ hash, css }) => `s${hash(css).slice(-4)}`,
  },
};
