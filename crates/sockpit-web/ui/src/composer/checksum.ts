// A checksum as it is chosen by fields, and as the options say it: `ALGO[:le|:be][,from=N][,to=N][,at=N]`.

export interface Checksum {
  algorithm: string;
  /** Empty: the algorithm's own. */
  order: '' | 'le' | 'be';
  /** Places between bytes; empty where nothing is said, negative from the end. */
  from: string;
  to: string;
  at: string;
}

export const NO_CHECKSUM: Readonly<Checksum> = { algorithm: '', order: '', from: '', to: '', at: '' };

/** The fields of a spec. */
export function readChecksum(spec: string): Checksum {
  const [head = '', ...rest] = spec.split(',').map((part) => part.trim());
  const order = /:(le|be)$/i.exec(head)?.[1]?.toLowerCase();
  const checksum: Checksum = {
    ...NO_CHECKSUM,
    algorithm: head.replace(/:(le|be)$/i, ''),
    order: order === 'le' || order === 'be' ? order : '',
  };
  for (const part of rest) {
    const [key, value = ''] = part.split('=');
    if (key === 'from' || key === 'to' || key === 'at') checksum[key] = value;
  }
  return checksum;
}

/** The spec of the fields; empty without an algorithm. */
export function writeChecksum({ algorithm, order, from, to, at }: Checksum): string {
  if (algorithm === '') return '';
  const places = Object.entries({ from, to, at }).filter(([, value]) => value.trim() !== '');
  return [order === '' ? algorithm : `${algorithm}:${order}`, ...places.map(([key, value]) => `${key}=${value.trim()}`)].join(',');
}
