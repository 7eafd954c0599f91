// Times, sizes and bytes as people read them.

const NS_PER_MS = 1e6;

/** `10:21:17.968` of the local day; `epochMs` is the wall clock of time 0. */
export function clock(ns: number, epochMs: number): string {
  const date = new Date(epochMs + ns / NS_PER_MS);
  const two = (n: number) => String(n).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** `+0.312 ms`, `+1.250 s`: four digits that count. */
export function span(ns: number): string {
  const abs = Math.abs(ns);
  if (abs < 1e3) return `${ns} ns`;
  if (abs < 1e6) return `${digits(ns / 1e3)} µs`;
  if (abs < 1e9) return `${digits(ns / 1e6)} ms`;
  if (abs < 60e9) return `${digits(ns / 1e9)} s`;
  const seconds = Math.round(abs / 1e9);
  return `${ns < 0 ? '-' : ''}${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function digits(n: number): string {
  const abs = Math.abs(n);
  return n.toFixed(abs < 10 ? 3 : abs < 100 ? 2 : 1);
}

/** `312 B`, `1.5 KiB`, `256 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${unit === 0 || Number.isInteger(n) ? n : n.toFixed(n < 10 ? 2 : 1)} ${units[unit]}`;
}

/** `0a`: at least so many hex digits. */
export function hexOf(n: number, digits = 2): string {
  return n.toString(16).padStart(digits, '0');
}

/** The bytes of `0a1b`. */
export function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** `0A 1B` of `0a1b`. */
export function spacedHex(hex: string): string {
  return (hex.match(/../g) ?? []).join(' ').toUpperCase();
}

/** The hex digits of bytes, without spaces. */
export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => hexOf(byte)).join('');
}
