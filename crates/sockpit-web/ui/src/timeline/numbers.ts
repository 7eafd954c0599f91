// The numbers that some bytes may be.

export interface Reading {
  name: string;
  /** The most significant byte first. */
  big: string;
  little: string;
}

const SIZES = [1, 2, 4, 8] as const;

/** 2001-01-01 and 2100-01-01 in seconds: times outside are numbers by chance. */
const EARLIEST_S = 978_307_200;
const LATEST_S = 4_102_444_800;

/** All readings of the first bytes, as far as they reach. */
export function readings(bytes: Uint8Array): Reading[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Reading[] = [];
  for (const size of SIZES) {
    if (size > bytes.length) break;
    const both = (name: string, read: (little: boolean) => string) =>
      found.push({ name, big: read(false), little: size === 1 ? '' : read(true) });
    both(`u${8 * size}`, (little) => String(unsigned(view, size, little)));
    both(`i${8 * size}`, (little) => String(signed(view, size, little)));
    if (size === 4) both('f32', (little) => float(view.getFloat32(0, little), 9));
    if (size === 8) both('f64', (little) => float(view.getFloat64(0, little), 17));
    if (size >= 4) {
      const times = [false, true].map((little) => moment(Number(unsigned(view, size, little))));
      if (times.some((time) => time !== '')) found.push({ name: 'time', big: times[0] ?? '', little: times[1] ?? '' });
    }
  }
  return found;
}

function unsigned(view: DataView, size: number, little: boolean): number | bigint {
  if (size === 1) return view.getUint8(0);
  if (size === 2) return view.getUint16(0, little);
  return size === 4 ? view.getUint32(0, little) : view.getBigUint64(0, little);
}

function signed(view: DataView, size: number, little: boolean): number | bigint {
  if (size === 1) return view.getInt8(0);
  if (size === 2) return view.getInt16(0, little);
  return size === 4 ? view.getInt32(0, little) : view.getBigInt64(0, little);
}

function float(n: number, digits: number): string {
  if (!Number.isFinite(n) || n === 0) return String(n);
  return String(Number(n.toPrecision(digits)));
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, or nothing. */
function moment(n: number): string {
  for (const unit of [1, 1e3, 1e6, 1e9]) {
    const seconds = n / unit;
    if (seconds >= EARLIEST_S && seconds < LATEST_S) return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  }
  return '';
}
