// New sessions: made, duplicated, read from files.

import { bench } from '../lib/bench.svelte';
import { t } from '../lib/words.svelte';

/** A name that no session has. */
function freeName(wanted: string): string {
  const taken = new Set(bench.sessions.map((session) => session.name));
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted} ${number}`;
  return name;
}

/** Makes a server on a port of this machine, to be changed at once, and goes there. */
export async function addSession(): Promise<void> {
  const made = await bench.ask<{ key: string }>('session.create', {
    name: freeName(t('sessions.new-name')),
    role: 'server',
    endpoint: 'tcp://127.0.0.1:7000',
    options: {},
  });
  if (made) bench.go('sessions', made.key, 'timeline');
}

export async function duplicateSession(key: string): Promise<void> {
  const made = await bench.ask<{ key: string }>('session.duplicate', { key });
  if (made) bench.go('sessions', made.key);
}

/** Takes sessions out of scenario files. */
export async function importSessions(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    const toml = await file.text();
    const name = freeName(file.name.replace(/\.toml$/i, ''));
    const made = await bench.ask<{ keys: string[] }>('session.import', { name, toml });
    const first = made?.keys[0];
    if (first !== undefined) bench.go('sessions', first);
  }
}
