// What is being written for one session, and what the program makes of it.

import { bench } from '../lib/bench.svelte';
import { CallError } from '../lib/link';
import { keep, kept } from '../lib/prefs.svelte';
import { t } from '../lib/words.svelte';
import type { Complaint, Session, Target } from '../lib/types';
import { Courier } from './file.svelte';
import { asciiOfHex, hexOfAscii, keepsAscii } from './ascii';
import type { Sent } from './past';
import type { Mark } from './segments';

/** What the program makes of it. */
export interface Composed {
  payload_hex: string;
  /** The bytes that were typed, without line end and checksum. */
  typed_hex?: string;
  text: string;
  wire_hex: string;
  marks: Mark[];
  len: number;
  error?: Complaint;
}

/** What is said to the program of it: the fields of `compose`, `send` and `every.start`. */
export interface Request {
  text?: string;
  hex?: string;
  escapes: boolean;
  charset?: string;
  eol?: string;
  checksum?: string;
}

interface Kept {
  side: 'text' | 'hex';
  content: string;
  escapes: boolean;
  charset: string;
  eol: string;
  checksum: string;
}

/** In bytes: what one message holds at most. */
const LIMIT = 1 << 20;

/** Typing goes on while the program is asked. */
const DEBOUNCE_MS = 30;

const EMPTY: Kept = { side: 'text', content: '', escapes: true, charset: '', eol: '', checksum: '' };

export class Draft {
  readonly key: string;
  text = $state('');
  hex = $state('');
  /** Which side was typed last: the other one follows. */
  side = $state<'text' | 'hex'>('text');
  escapes = $state(true);
  /** As the options of a session have them; empty where the session's own counts. */
  charset = $state('');
  eol = $state('');
  checksum = $state('');
  target = $state<Target>('latest');
  composed = $state.raw<Composed | null>(null);
  complaint = $state.raw<Complaint | null>(null);
  readonly courier = new Courier();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(key: string) {
    this.key = key;
    const was = { ...EMPTY, ...kept<Partial<Kept>>(`composer.${key}`, {}) };
    this.side = was.side;
    this[was.side] = was.content;
    this.escapes = was.escapes;
    this.charset = was.charset;
    this.eol = was.eol;
    this.checksum = was.checksum;
  }

  get isEmpty(): boolean {
    return this[this.side] === '';
  }

  get request(): Request {
    const { side, escapes, charset, eol, checksum } = this;
    return {
      ...(side === 'text' ? { text: this.text } : { hex: this.hex }),
      escapes,
      ...(charset !== '' && { charset }),
      ...(eol !== '' && { eol }),
      ...(checksum !== '' && { checksum }),
    };
  }

  /** Takes what was typed on one side; the other side follows at once where that is plain. */
  type(side: 'text' | 'hex', content: string, session: Session): void {
    this.side = side;
    this[side] = content;
    const charset = this.charset || session.options['text-out'] || session.options['text'] || 'utf-8';
    if (!keepsAscii(charset)) return;
    const other = side === 'text' ? hexOfAscii(content, this.escapes) : asciiOfHex(content, this.escapes);
    if (other !== null) this[side === 'text' ? 'hex' : 'text'] = other;
  }

  /** Puts something there that was sent before. */
  restore(sent: Sent): void {
    this.escapes = sent.escapes;
    this.side = sent.side;
    this[sent.side] = sent.content;
    if (sent.content === '') this.clear();
  }

  clear(): void {
    this.text = '';
    this.hex = '';
  }

  get sent(): Sent {
    return { side: this.side, content: this[this.side], escapes: this.escapes };
  }

  /** Asks the program for the bytes, a little later; what is asked anew makes old answers void. */
  compose(session: Session): void {
    const { side, request } = this;
    const content = this[side];
    keep(`composer.${this.key}`, {
      side,
      content: content.length > LIMIT >> 4 ? '' : content,
      escapes: this.escapes,
      charset: this.charset,
      eol: this.eol,
      checksum: this.checksum,
    } satisfies Kept);
    clearTimeout(this.#timer);
    const number = ++this.#asked;
    if (content.length > (side === 'text' ? LIMIT : 3 * LIMIT)) {
      this.composed = null;
      this.complaint = { message: t('composer.too-long'), hint: t('composer.too-long-hint') };
      return;
    }
    this.#timer = setTimeout(() => void this.#ask(number, session.key, side, request), DEBOUNCE_MS);
  }

  async #ask(number: number, key: string, side: 'text' | 'hex', request: Request): Promise<void> {
    try {
      const composed = await bench.link.call<Composed>('compose', { key, ...request });
      if (number !== this.#asked) return;
      this.composed = composed.error ? null : composed;
      this.complaint = composed.error ?? null;
      if (composed.error === undefined || composed.typed_hex !== undefined) this.#follow(side, composed);
    } catch (error) {
      if (number !== this.#asked) return;
      this.composed = null;
      this.complaint = error instanceof CallError ? error.complaint : { message: String(error) };
    }
  }

  #follow(side: 'text' | 'hex', { text, typed_hex, payload_hex }: Composed): void {
    if (side === 'hex') this.text = text;
    else this.hex = ((typed_hex ?? payload_hex).match(/../g) ?? []).join(' ').toUpperCase();
  }
}

const drafts = new Map<string, Draft>();

/** The draft of a session; it outlives the component that shows it. */
export function draftOf(key: string): Draft {
  const draft = drafts.get(key) ?? new Draft(key);
  drafts.set(key, draft);
  return draft;
}
