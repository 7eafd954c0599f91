// The options of a session that the dialog offers, in its groups. What a value may be is known by the
// program alone: it checks each, and says what is wrong.

import type { Role, Transport } from './types';

export interface Option {
  key: string;
  /** A switch has two values and the default; others are written. */
  kind: 'text' | 'switch' | 'charset' | 'family';
  /** An example of a value. */
  sample?: string;
  /** Where it has a meaning; everywhere if missing. */
  on?: readonly Transport[];
  role?: Role;
}

const STREAMS: readonly Transport[] = ['tcp', 'unix'];
const DATAGRAMS: readonly Transport[] = ['udp', 'unixgram'];
const NET: readonly Transport[] = ['tcp', 'udp'];
const UNIX: readonly Transport[] = ['unix', 'unixgram'];

export const GROUPS: readonly { id: 'messages' | 'life' | 'socket' | 'multicast'; options: readonly Option[] }[] = [
  {
    id: 'messages',
    options: [
      { key: 'text', kind: 'charset' },
      { key: 'text-out', kind: 'charset' },
      { key: 'max-frame', kind: 'text', sample: '16MiB' },
      { key: 'read-size', kind: 'text', sample: '256KiB' },
      { key: 'warn-size', kind: 'text', sample: '1472', on: DATAGRAMS },
    ],
  },
  {
    id: 'life',
    options: [
      { key: 'reconnect', kind: 'switch', on: STREAMS, role: 'client' },
      { key: 'timeout', kind: 'text', sample: '10s', role: 'client' },
      { key: 'idle', kind: 'text', sample: '60s' },
      { key: 'linger', kind: 'text', sample: '5s', on: STREAMS },
      { key: 'once', kind: 'switch', role: 'server' },
      { key: 'max-peers', kind: 'text', sample: '1000', role: 'server' },
      { key: 'backlog', kind: 'text', sample: '4096', on: STREAMS, role: 'server' },
    ],
  },
  {
    id: 'socket',
    options: [
      { key: 'bind', kind: 'text', sample: '127.0.0.1:7853', role: 'client' },
      { key: 'family', kind: 'family', on: NET },
      { key: 'nodelay', kind: 'switch', on: ['tcp'] },
      { key: 'keepalive', kind: 'text', sample: '30s', on: ['tcp'] },
      { key: 'ttl', kind: 'text', sample: '64', on: NET },
      { key: 'tos', kind: 'text', sample: '0', on: NET },
      { key: 'rcvbuf', kind: 'text', sample: '256KiB' },
      { key: 'sndbuf', kind: 'text', sample: '256KiB' },
      { key: 'reuseport', kind: 'switch', on: NET, role: 'server' },
      { key: 'mode', kind: 'text', sample: '600', on: UNIX, role: 'server' },
    ],
  },
  {
    id: 'multicast',
    options: [
      { key: 'broadcast', kind: 'switch', on: ['udp'] },
      { key: 'join', kind: 'text', sample: '239.1.2.3', on: ['udp'] },
      { key: 'interface', kind: 'text', sample: 'eth0', on: ['udp'] },
      { key: 'multicast-ttl', kind: 'text', sample: '1', on: ['udp'] },
      { key: 'multicast-loop', kind: 'switch', on: ['udp'] },
    ],
  },
];

/** Whether an option has a meaning for such a session. */
export function fits(option: Option, transport: Transport, role: Role): boolean {
  return (option.on?.includes(transport) ?? true) && (option.role === undefined || option.role === role);
}

/** Whether a switch is on: the words that the program takes for it. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && ['', '1', 'on', 'yes', 'true'].includes(value);
}
