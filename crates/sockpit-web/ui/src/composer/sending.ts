// Sending to a session: whether it can be, to whom, and opening it first.

import { bench } from '../lib/bench.svelte';
import { count, t } from '../lib/words.svelte';
import type { Peer, Session, Target } from '../lib/types';

const POLL_MS = 50;
const OPENING_MS = 15_000;

/** Why nothing can be sent now; `null` where something can. */
export function hindrance(session: Session, target: Target, peers: readonly Peer[]): string | null {
  if (session.state === 'opening') return t('composer.opening');
  if (session.state !== 'open') return t('composer.closed');
  if (session.role === 'client') return null;
  if (session.peers === 0) return t('composer.no-peer');
  if (Array.isArray(target) && chosen(target, peers).length === 0) return t('composer.chosen-gone');
  return null;
}

/** Whether it is worth asking the program: of the peers of a server the page hears a little later. */
export function maySend(session: Session, target: Target, peers: readonly Peer[]): boolean {
  if (session.state !== 'open') return false;
  return (session.peers === 0 && !Array.isArray(target)) || hindrance(session, target, peers) === null;
}

export function isClosed(session: Session): boolean {
  return session.state === 'closed' || session.state === 'ended';
}

/** Of the chosen peers, those that are there. */
function chosen(target: number[], peers: readonly Peer[]): number[] {
  return target.filter((number) => peers.some((peer) => peer.number === number));
}

/** What a call is told: a client has one peer, and peers that have gone get nothing. */
export function targetOf(session: Session, target: Target): Target {
  if (session.role === 'client') return 'latest';
  return Array.isArray(target) ? chosen(target, bench.peers[session.key] ?? []) : target;
}

/** Whom a target means, in words. */
export function targetWords(target: Target, peers: number): string {
  if (target === 'all') return count('composer.to-all', peers);
  if (target === 'latest') return t('composer.to-latest');
  return count('composer.to-chosen', target.length);
}

/** Opens a session and waits until something can be sent; says whether it can. */
export async function open(session: Session): Promise<boolean> {
  const opened = await bench.ask<{ number: number }>('session.open', { key: session.key });
  if (opened === undefined) return false;
  for (let waited = 0; waited < OPENING_MS; waited += POLL_MS) {
    const state = bench.sessions.find(({ key }) => key === session.key)?.state;
    if (state === 'open') return true;
    if (state === 'ended' || state === undefined) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
