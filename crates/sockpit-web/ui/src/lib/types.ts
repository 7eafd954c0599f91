// What page and program say to each other. Times are nanoseconds since the workbench began.

export type Role = 'client' | 'server';
export type Transport = 'tcp' | 'udp' | 'unix' | 'unixgram';
export type Direction = 'in' | 'out';
export type Target = 'latest' | 'all' | number[];

export interface Welcome {
  version: string;
  /** The number of this page, for what is asked outside the link. */
  page: number;
  /** Milliseconds since 1970 at time 0. */
  epoch_ms: number;
  project: { path: string; name: string; is_writable: boolean };
  capture: { may: boolean; why: string | null };
  charsets: string[];
  checksums: string[];
  framings: { word: string; form: string }[];
  transports: Transport[];
  platform: string;
}

export interface Failure {
  kind: string;
  message: string;
}

export interface Job {
  job: number;
  kind: 'every' | 'list' | 'file';
  label: string;
  sent: number;
  of: number | null;
  every_ns: number | null;
}

export interface Session {
  key: string;
  name: string;
  role: Role;
  endpoint: string;
  options: Record<string, string>;
  rules: string;
  saved: boolean;
  file: string | null;
  state: 'closed' | 'opening' | 'open' | 'ended';
  /** Its number in the timeline, once it was opened. */
  number: number | null;
  local: string[];
  since: number | null;
  peers: number;
  received: number;
  sent: number;
  ended: { reason: string; message: string; failures: Failure[] } | null;
  jobs: Job[];
  hits: { rule: number; name: string; count: number }[] | null;
}

export interface Peer {
  number: number;
  addr: string;
  since: number | null;
  received: number;
  sent: number;
}

/** Why a call came to nothing. */
export interface Complaint {
  message: string;
  hint?: string;
  /** Where in the text that was sent, in UTF-16 code units. */
  at?: [number, number];
  field?: string;
}
