// The interfaces of this machine, and what the doctor says of an endpoint.

export interface Address {
  address: string;
  prefix: number;
}

export interface Net {
  interface: string;
  index: number;
  state: 'up' | 'no carrier' | 'down';
  mtu: number;
  mac: string | null;
  loopback: boolean;
  addresses: Address[];
  /** The multicast groups that it listens to. */
  groups: string[];
}

export interface Route {
  family: 'ipv4' | 'ipv6';
  gateway: string | null;
  interface: string;
  metric: number;
}

export interface Nets {
  interfaces: Net[];
  /** Those by which everything else goes. */
  routes: Route[];
}

export type Verdict = 'good' | 'bad' | 'unknown';

export interface Finding {
  verdict: Verdict;
  head: 'name' | 'route' | 'answer' | 'file' | 'here' | 'verdict';
  text: string;
  hint?: string;
  took_ms: number | null;
}

/** The last address of an IPv4 net, which all of it hear; `null` where there is none. */
export function broadcastOf({ address, prefix }: Address): string | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (!match || prefix > 30) return null;
  const bits = match.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - prefix);
  const last = Math.floor(bits / size) * size + size - 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join('.');
}
