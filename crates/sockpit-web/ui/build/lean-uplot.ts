// The page draws lines: what uPlot has for bars, steps and curves is left out of the bundle.
import type { Plugin } from 'vite';

const BUILDER = /^\s*\(paths\.(?:stepped|bars|spline)\s*=.*$/gm;

export function leanUplot(): Plugin {
  return {
    name: 'lean-uplot',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('/uPlot.esm.js')) return null;
      const lean = code.replace(BUILDER, '');
      if (lean === code) this.error('uPlot names its builders in another way');
      return { code: lean, map: null };
    },
  };
}
