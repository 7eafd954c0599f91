// What the program tells of the wire. Times are nanoseconds since the workbench began.

import type { Direction } from '../lib/types';

export type End = 'left' | 'right';
export type Severity = 'chat' | 'note' | 'warn' | 'error';

export interface PartyEnd {
  side: 'local' | 'remote' | null;
  addr: string;
}

/** Who talks with whom: a conversation of the ladder, its beginner at the left. */
export interface Party {
  k: number;
  protocol: string;
  left: PartyEnd;
  right: PartyEnd;
  /** The number of the peer. */
  p: number;
}

export interface Step {
  i: number;
  k: number;
  p: number;
  at: number;
  /** Since the first step of its conversation. */
  since_first: number;
  /** Since the packet before in its conversation. */
  since_last: number | null;
  kind: 'packet' | 'write' | 'read' | 'life' | 'told' | 'fault';
  /** Whose call it is; `null` of a packet. */
  side: 'local' | 'remote' | null;
  /** Who sent the packet, or at whose life line it is. */
  from: End;
  dir: Direction | null;
  title: string;
  parts: string[];
  labels: { severity: Severity; text: string }[];
  payload: string | null;
  look: 'plain' | 'again' | 'broken';
  /** Lost on its way: it was sent again. */
  lost?: true;
  /** A reset. */
  rst?: true;
  frame: number | null;
  flags: string | null;
  seq: number | null;
  ack: number | null;
  win: number | null;
  off: number | null;
  len: number | null;
  joins: string | null;
  moves: Record<End, string[]>;
  state: Record<End, string | null>;
  lessons: string[];
  /** The event that told of it. */
  n: number | null;
}

/** Where packets come from, or why there are none; `null` where none were asked for. */
export type Packets = { may: boolean; text: string } | null;

export interface LadderPage {
  first: number;
  total: number;
  packets: Packets;
  parties: Party[];
  peers: { number: number; addr: string }[];
  steps: Step[];
}

export type Cut = 'writes' | 'packets' | 'reads' | 'frames';
export const CUTS: readonly Cut[] = ['writes', 'packets', 'reads', 'frames'];

export interface Piece {
  number: number;
  off: number;
  /** Bytes as told: of a truncated datagram more than its place. */
  len: number;
  /** The place behind its last byte. */
  end: number;
  at: number;
  n: number | null;
  s: number;
  p: number;
  labels: string[];
  /** How often it was sent, of packets. */
  times?: number | null;
}

export interface LensPage extends Record<Cut, Piece[]> {
  from: number;
  to: number;
  /** Where the stream ends so far. */
  end: number;
  hex: string;
  /** The other end, where it is a session of this workbench too. */
  other: { session: number; peer: number } | null;
  verdicts: { off: number; text: string }[];
  packets_captured: boolean;
}

export interface SeriesPage {
  t: number[];
  lines: { name: string; v: (number | null)[] }[];
  units: string;
}

export interface ValuesPage {
  columns: { name: string; t: number[]; v: number[] }[];
  skipped: number;
}
