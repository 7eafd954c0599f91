// Times of rules: nanoseconds, and as people write them.

const UNITS: Record<string, number> = { ns: 1, us: 1e3, 'µs': 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** `200ms`, `1.5s`, `2m`; empty for nothing. */
export function written(ns: number): string {
  if (ns === 0) return '';
  for (const unit of ['h', 'm']) {
    if (ns % (UNITS[unit] ?? 1) === 0) return `${ns / (UNITS[unit] ?? 1)}${unit}`;
  }
  const unit = ns >= 1e9 ? 's' : ns >= 1e6 ? 'ms' : ns >= 1e3 ? 'us' : 'ns';
  return `${ns / (UNITS[unit] ?? 1)}${unit}`;
}

/** The nanoseconds of `200`, `200ms` or `1.5 s`; a bare number is milliseconds. `null` where it is no time. */
export function meant(text: string): number | null {
  if (text.trim() === '') return 0;
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)?\s*$/.exec(text) ?? [];
  const ns = Math.round(Number(digits) * (UNITS[unit ?? 'ms'] ?? 1));
  return Number.isSafeInteger(ns) ? ns : null;
}
