// A session's rule file while it is edited: as a structure and as TOML, kept in step by the program.

import { untrack } from 'svelte';
import { bench } from '../lib/bench.svelte';
import { CallError } from '../lib/link';
import type { Complaint, Session } from '../lib/types';
import { rowAt, rowOfPath } from './place';
import { EMPTY, type List, type Structure } from './structure';

const DEBOUNCE_MS = 200;

export class RulesDraft {
  /** What the session has. */
  base = $state.raw('');
  toml = $state.raw('');
  parts = $state.raw<Structure>(EMPTY);
  /** The first mistake, its place in `toml`. */
  complaint = $state.raw<Complaint | null>(null);
  /** Whether the structure is older than a text that cannot be read. */
  isBroken = $state(false);
  /** What the session has meanwhile, where it was changed elsewhere too. */
  elsewhere = $state.raw<string | null>(null);
  /** Whether the structure has not become text yet. */
  isUnwritten = $state(false);
  #basis: Structure = EMPTY;
  /** What the session was given last: news of it may come before the answer. */
  #given: string | null = null;
  #number = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settling: { promise: Promise<void>; run: () => void } | null = null;

  /** Which row has the mistake; `null` where there is none, or it is of no row. */
  get row(): ReturnType<typeof rowAt> {
    const { complaint } = this;
    if (!complaint) return null;
    return rowOfPath(complaint.field ?? '') ?? (complaint.at ? rowAt(this.toml, complaint.at[0]) : null);
  }

  get isDirty(): boolean {
    return this.toml !== this.base || this.isUnwritten;
  }

  /** Begins with what the session has. */
  async take(rules: string): Promise<void> {
    this.#forget();
    this.#given = null;
    this.base = rules;
    this.toml = rules;
    this.elsewhere = null;
    this.isUnwritten = false;
    await this.#read(++this.#number);
    if (!this.isBroken) this.#basis = this.parts;
  }

  /** Follows what the session has: at once where nothing was edited; lists that changed alone are taken in. */
  async follow(rules: string): Promise<void> {
    const isKnown = () => [this.base, this.elsewhere, this.#given].includes(rules);
    if (untrack(isKnown)) return;
    if (untrack(() => !this.isDirty)) return this.take(rules);
    const theirs = await read(rules);
    if (isKnown()) return;
    const isListsAlone = !('message' in theirs) && sameBut('lists', theirs, this.#basis);
    if (isListsAlone && !this.isBroken && same(this.parts.lists, this.#basis.lists)) {
      this.base = rules;
      this.#basis = theirs;
      this.edit({ ...this.parts, lists: theirs.lists });
    } else {
      this.elsewhere = rules;
    }
  }

  /** Takes an edited text; the structure follows a little later. */
  type(toml: string): void {
    this.toml = toml;
    this.isUnwritten = false;
    this.#later((number) => this.#read(number));
  }

  /** Takes an edited structure; the text follows a little later. */
  edit(parts: Structure): void {
    this.parts = parts;
    this.isUnwritten = true;
    this.#later((number) => this.#write(number));
  }

  editLists(lists: List[]): void {
    this.edit({ ...this.parts, lists });
  }

  /** Gives the session what is edited; says whether it took it. */
  async apply(session: Session): Promise<boolean> {
    await this.settle();
    if (this.complaint || this.isUnwritten) return false;
    const rules = this.toml;
    const basis = this.parts;
    this.#given = rules;
    try {
      await bench.link.call('session.change', { key: session.key, rules });
    } catch (error) {
      this.#given = null;
      if (error instanceof CallError) this.complaint = error.complaint;
      return false;
    }
    this.base = rules;
    this.elsewhere = null;
    this.#basis = basis;
    return true;
  }

  /** Waits until text and structure are in step. */
  async settle(): Promise<void> {
    this.#settling?.run();
    await this.#settling?.promise;
  }

  #later(what: (number: number) => Promise<void>): void {
    this.#forget();
    const number = ++this.#number;
    let done: () => void = () => {};
    let begun = false;
    const settling = {
      promise: new Promise<void>((resolve) => (done = resolve)),
      run: () => {
        clearTimeout(this.#timer);
        if (begun) return;
        begun = true;
        void what(number).finally(() => {
          if (this.#settling === settling) this.#settling = null;
          done();
        });
      },
    };
    this.#settling = settling;
    this.#timer = setTimeout(settling.run, DEBOUNCE_MS);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#settling = null;
  }

  async #read(number: number): Promise<void> {
    const parts = await read(this.toml);
    if (number !== this.#number) return;
    this.isBroken = 'message' in parts;
    this.complaint = 'message' in parts ? parts : null;
    if (!('message' in parts)) this.parts = parts;
  }

  async #write(number: number): Promise<void> {
    try {
      const written = await bench.link.call<{ toml: string }>('rules.write', { structure: this.parts });
      if (number !== this.#number) return;
      this.toml = written.toml;
      this.complaint = null;
      this.isUnwritten = false;
      this.isBroken = false;
    } catch (error) {
      if (number === this.#number) this.complaint = complaintOf(error);
    }
  }
}

async function read(toml: string): Promise<Structure | Complaint> {
  if (toml.trim() === '') return EMPTY;
  try {
    return await bench.link.call<Structure>('rules.parse', { toml });
  } catch (error) {
    return complaintOf(error);
  }
}

function complaintOf(error: unknown): Complaint {
  return error instanceof CallError ? error.complaint : { message: String(error) };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const sameBut = (key: keyof Structure, a: Structure, b: Structure) => same({ ...a, [key]: null }, { ...b, [key]: null });

/** Drafts of the rules editor, and of the send lists, by session: they outlive what shows them. */
const drafts = { rules: new Map<string, RulesDraft>(), lists: new Map<string, RulesDraft>() };

export function draftOf(of: keyof typeof drafts, key: string): RulesDraft {
  const draft = drafts[of].get(key) ?? new RulesDraft();
  drafts[of].set(key, draft);
  return draft;
}
