// Endpoints as the page edits them: a protocol, and a host with a port or a path.

import type { Role, Transport } from './types';

export interface Parts {
  transport: Transport;
  /** Of tcp and udp; empty is every address of a server, this machine to a client. */
  host: string;
  port: string;
  /** Of unix and unixgram: a path, or `@name`. */
  path: string;
}

/** Protocols as people choose them: transport and side in one. */
export const PROTOCOLS: readonly { id: string; transport: Transport; role: Role }[] = [
  { id: 'tcp-client', transport: 'tcp', role: 'client' },
  { id: 'tcp-server', transport: 'tcp', role: 'server' },
  { id: 'udp-client', transport: 'udp', role: 'client' },
  { id: 'udp-server', transport: 'udp', role: 'server' },
  { id: 'unix-client', transport: 'unix', role: 'client' },
  { id: 'unix-server', transport: 'unix', role: 'server' },
  { id: 'unixgram-client', transport: 'unixgram', role: 'client' },
  { id: 'unixgram-server', transport: 'unixgram', role: 'server' },
];

export const isNet = (transport: Transport) => transport === 'tcp' || transport === 'udp';

/** The parts of an endpoint; `null` where it has others, such as a query. */
export function partsOf(endpoint: string): Parts | null {
  const match = /^(tcp|udp|unix|unixgram):(\/\/)?(.*)$/.exec(endpoint);
  const [, scheme, , rest] = match ?? [];
  if (scheme === undefined || rest === undefined || rest.includes('?')) return null;
  const transport = scheme as Transport;
  if (!isNet(transport)) return { transport, host: '', port: '', path: rest };
  const net = /^(\[[^\]]*\]|[^:[\]]*):(\d*)$/.exec(rest);
  if (net?.[1] === undefined || net[2] === undefined) return null;
  return { transport, host: net[1].replace(/^\[|\]$/g, ''), port: net[2], path: '' };
}

/** The endpoint of its parts. */
export function endpointOf({ transport, host, port, path }: Parts): string {
  if (!isNet(transport)) return path.startsWith('@') ? `${transport}:${path}` : `${transport}://${path}`;
  return `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
