// The time of a row, as somebody wants it to be counted.

import { clock, span } from '../lib/format';

/** `12.345 678`: seconds with milliseconds and more. */
export function seconds(ns: number): string {
  const abs = Math.abs(ns);
  const whole = Math.floor(abs / 1e9);
  const micro = Math.floor((abs % 1e9) / 1e3);
  return `${ns < 0 ? '-' : '+'}${whole}.${String(micro).padStart(6, '0')}`;
}

export function timeOf(at: number, from: number | null, epochMs: number): string {
  return from === null ? clock(at, epochMs) : seconds(at - from);
}

export function delta(ns: number | null): string {
  return ns === null ? '' : span(ns);
}
