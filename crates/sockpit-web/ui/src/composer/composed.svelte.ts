// What the composers of the sessions hold, for whoever shows it elsewhere: "copy as command" does.

/** What `session.command` takes as `composer`: the arguments of `compose`, without a session. */
export type Composed = Record<string, unknown>;

const held = $state<Record<string, Composed>>({});

/** What the composer of a session holds; `null` where nothing was written. */
export function composed(key: string): Composed | null {
  return held[key] ? $state.snapshot(held[key]) : null;
}

/** Told by the composer of a session whenever it holds something else. */
export function hold(key: string, what: Composed | null): void {
  if (what) held[key] = what;
  else delete held[key];
}
