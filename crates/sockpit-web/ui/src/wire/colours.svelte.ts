// The colours of the theme, as a canvas needs them: told as numbers, and told again when they change.

const NAMES = ['--ink', '--faint', '--line', '--in', '--out', '--accent', '--warn', '--bad'] as const;
export type Colour = (typeof NAMES)[number];

class Colours {
  #of = $state.raw<Record<Colour, string>>(read());

  constructor() {
    const again = () => (this.#of = read());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  }

  get of(): Record<Colour, string> {
    return this.#of;
  }
}

/** A variable by itself would read `light-dark(…)`: only an element knows which of both it is. */
function read(): Record<Colour, string> {
  const probe = document.createElement('span');
  document.documentElement.append(probe);
  const found = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return found as Record<Colour, string>;
}

export const colours = new Colours();
