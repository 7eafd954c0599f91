// How a stream is cut into writes, or gathered: the options `split-at`, `split-every`, `split-delay`
// and `coalesce` of a session.

export interface Shaping {
  how: 'whole' | 'at' | 'every';
  /** Places in each message, `3,-1`; negative from the end. */
  at: string;
  /** Bytes of each write. */
  every: string;
  /** Between two writes, such as `20ms`. */
  delay: string;
  /** Whether several messages are held and written as one. */
  gathers: boolean;
  /** How many bytes, or how long: `64`, `10ms` or `64,10ms`. */
  gather: string;
}

const SHAPING_KEYS = ['split-at', 'split-every', 'split-delay', 'coalesce'] as const;

export function shapingOf(options: Record<string, string>): Shaping {
  const at = options['split-at'];
  const every = options['split-every'];
  const gather = options['coalesce'];
  return {
    how: at !== undefined ? 'at' : every !== undefined ? 'every' : 'whole',
    gathers: gather !== undefined,
    at: at ?? '3',
    every: every ?? '1',
    delay: options['split-delay'] ?? '20ms',
    gather: gather ?? '64,100ms',
  };
}

/** The session's options with this shaping. */
export function withShaping(options: Record<string, string>, shaping: Shaping): Record<string, string> {
  const left = Object.entries(options).filter(([key]) => !(SHAPING_KEYS as readonly string[]).includes(key));
  const delay = shaping.delay.trim() === '' ? [] : [['split-delay', shaping.delay.trim()]];
  const told = {
    whole: [],
    at: [['split-at', shaping.at.trim()], ...delay],
    every: [['split-every', shaping.every.trim()], ...delay],
  }[shaping.how];
  const gathered = shaping.gathers ? [['coalesce', shaping.gather.trim()]] : [];
  return Object.fromEntries([...left, ...told, ...gathered]);
}
