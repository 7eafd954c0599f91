// The workbench as the page knows it: the link, the sessions, and what is looked at.

import { CallError, Link, type LinkState } from './link';
import type { Spot } from '../timeline/timeline.svelte';
import { prefs } from './prefs.svelte';
import { t } from './words.svelte';
import type { Peer, Session, Welcome } from './types';

export type Area = 'sessions' | 'ports' | 'nets' | 'rooms' | 'drones';
export type Tab = 'timeline' | 'wire' | 'rules' | 'lists';

export const AREAS: readonly Area[] = ['sessions', 'ports', 'nets', 'rooms', 'drones'];
export const TABS: readonly Tab[] = ['timeline', 'wire', 'rules', 'lists'];

/** Something that is told for a while, at the foot of the page. */
export interface Notice {
  id: number;
  kind: 'good' | 'bad';
  message: string;
  hint: string;
}

const NOTICE_MS = 8000;

class Bench {
  link: Link;
  state = $state<LinkState>('connecting');
  welcome = $state<Welcome | null>(null);
  /** Counts how often the link was opened: what depends on it asks again when it changes. */
  openings = $state(0);
  sessions = $state.raw<Session[]>([]);
  peers = $state.raw<Record<string, Peer[]>>({});
  area = $state<Area>('sessions');
  tab = $state<Tab>('timeline');
  /** The key of the session that is looked at; `null` is all of them. */
  key = $state<string | null>(null);
  /** An event that another part of the page asks to be shown: its session's number and its own. */
  focus = $state.raw<{ session: number; n: number; or?: Spot } | null>(null);
  notices = $state<Notice[]>([]);
  /** What a screen reader is told; the latest counts. */
  spoken = $state('');
  #noticeId = 0;

  constructor() {
    const token = takeToken();
    this.link = new Link(token, () => prefs.language);
    this.link.onstate = (state, welcome) => {
      this.state = state;
      if (welcome) {
        if (this.welcome && this.welcome.epoch_ms !== welcome.epoch_ms) this.tell('bad', t('shell.restarted'));
        this.welcome = welcome;
        this.openings += 1;
      }
    };
    this.link.on<Session[]>('sessions', (sessions) => (this.sessions = sessions));
    this.link.on<Record<string, Peer[]>>('peers', (peers) => (this.peers = peers));
    this.#goWhere(location.hash);
    addEventListener('hashchange', () => this.#goWhere(location.hash));
  }

  get session(): Session | null {
    return this.sessions.find((session) => session.key === this.key) ?? null;
  }

  /** Goes to an area, or to a tab of a session. */
  go(area: Area, key: string | null = this.key, tab: Tab = this.tab): void {
    const path = area === 'sessions' && key !== null ? `${area}/${encodeURIComponent(key)}/${tab}` : area;
    location.hash = `#/${path}`;
    this.#goWhere(location.hash);
  }

  #goWhere(hash: string): void {
    const [area, key, tab] = hash.replace(/^#\/?/, '').split('/');
    this.area = AREAS.find((one) => one === area) ?? 'sessions';
    if (this.area === 'sessions') this.key = key ? decoded(key) : null;
    this.tab = TABS.find((one) => one === tab) ?? 'timeline';
  }

  /** Calls the program; what goes wrong is told at the foot of the page, and gives `undefined`. */
  async ask<T = null>(op: string, args: object = {}): Promise<T | undefined> {
    try {
      return await this.link.call<T>(op, args);
    } catch (error) {
      this.complain(error);
      return undefined;
    }
  }

  complain(error: unknown): void {
    const { message, hint } = error instanceof CallError ? error.complaint : { message: String(error), hint: '' };
    this.tell('bad', message || t('shell.not-connected'), hint ?? '');
  }

  tell(kind: Notice['kind'], message: string, hint = ''): void {
    const id = ++this.#noticeId;
    this.notices.push({ id, kind, message, hint });
    setTimeout(() => this.dismiss(id), NOTICE_MS);
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }
}

/** A part of an address, which anybody may have written. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Takes the token out of the address, so that it is in no bookmark and no history. */
function takeToken(): string {
  const NAME = 'token';
  const match = /[#&]token=([\w.~-]+)/.exec(location.hash);
  if (match?.[1] !== undefined) {
    sessionStorage.setItem(NAME, match[1]);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(NAME) ?? '';
}

export const bench = new Bench();
