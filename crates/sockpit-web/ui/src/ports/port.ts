// A port with who holds it, and which ports somebody looks for.

export type State = 'listening' | 'bound' | 'connected' | 'closing' | 'time-wait';

export interface Port {
  transport: string;
  /** Its address, or its path. */
  local: string;
  port: number | null;
  state: State;
  /** How many sockets there are of it. */
  sockets: number;
  /** Connections that wait to be accepted. */
  backlog: { waiting: number; limit: number } | null;
  pid: number | null;
  /** When its program began, in ms since 1970: a pid alone may be another one's by now. */
  started: number | null;
  program: string | null;
  command: string | null;
  user: string | null;
  /** Its holder belongs to another user: who it is cannot be seen. */
  hidden: boolean;
  /** This workbench holds it. */
  mine: boolean;
  /** Whether its program may be ended from here. */
  may_end: boolean;
}

/** Those in which every word stands; a bare number is a port or a pid, from its beginning. */
export function filtered(ports: Port[], wanted: string): Port[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return ports;
  return ports.filter((port) => {
    const text = `${port.transport} ${port.local} ${port.state} ${port.program ?? ''} ${port.command ?? ''} ${port.user ?? ''}`.toLowerCase();
    const numbers = [port.port, port.pid].filter((one) => one !== null).map(String);
    return words.every((word) => (/^\d+$/.test(word) ? numbers.some((one) => one.startsWith(word)) : text.includes(word)));
  });
}
