// What a line of a graph says in numbers.

export interface Summary {
  min: number;
  avg: number;
  max: number;
  last: number;
}

/** Of the values that there are; `null` where there are none. */
export function summary(values: readonly (number | null)[]): Summary | null {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let count = 0;
  let last = 0;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count += 1;
    last = value;
  }
  return count === 0 ? null : { min, avg: sum / count, max, last };
}

const BINARY = ['', ' Ki', ' Mi', ' Gi'];
const DECIMAL = ['', ' k', ' M', ' G'];

/** A value with its unit, in few digits; nanoseconds become what is read best. */
export function valued(value: number, unit: string): string {
  if (unit === '1/s') return valued(value, '/s');
  if (unit === 'ms') return valued(value * 1e6, 'ns');
  if (unit === 'ns') {
    const abs = Math.abs(value);
    if (abs < 1e3) return `${round(value)} ns`;
    if (abs < 1e6) return `${round(value / 1e3)} µs`;
    if (abs < 1e9) return `${round(value / 1e6)} ms`;
    return `${round(value / 1e9)} s`;
  }
  const isBytes = unit === 'B' || unit === 'B/s';
  const names = isBytes ? BINARY : unit === '' ? [''] : DECIMAL;
  const base = isBytes ? 1024 : 1000;
  let scaled = value;
  let power = 0;
  while (Math.abs(scaled) >= base && power < names.length - 1) {
    scaled /= base;
    power += 1;
  }
  const prefix = names[power] ?? '';
  return unit === '' ? round(scaled) : `${round(scaled)}${prefix || ' '}${unit}`;
}

function round(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const abs = Math.abs(value);
  return value.toFixed(abs < 10 ? 2 : abs < 100 ? 1 : 0);
}

/** One column of times for lines that each have their own, as uPlot wants them; `undefined` joins over. */
export function joined(lines: { t: number[]; v: number[] }[]): { t: number[]; lines: (number | undefined)[][] } {
  const times = [...new Set(lines.flatMap((line) => line.t))].sort((a, b) => a - b);
  const at = new Map(times.map((time, index) => [time, index]));
  const columns = lines.map((line) => {
    const column = new Array<number | undefined>(times.length).fill(undefined);
    line.t.forEach((time, index) => (column[at.get(time) ?? 0] = line.v[index]));
    return column;
  });
  return { t: times, lines: columns };
}
