// The one WebSocket: calls with their answers, and news of which the latest counts.

import type { Complaint, Welcome } from './types';

export type LinkState = 'connecting' | 'open' | 'waiting' | 'refused';

/** A call that came to nothing. */
export class CallError extends Error {
  constructor(readonly complaint: Complaint) {
    super(complaint.message);
  }
}

interface Pending {
  resolve: (value: never) => void;
  reject: (error: CallError) => void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;

/** The program does not know the token: it was started again, or another one listens. */
const REFUSED = 4401;

export class Link {
  #socket: WebSocket | null = null;
  #pending = new Map<number, Pending>();
  /** Pieces of files that were sent; they are answered in their order, all as call 0. */
  #pieces: Pending[] = [];
  #listeners = new Map<string, Set<(is: never) => void>>();
  #last = new Map<string, unknown>();
  #id = 0;
  #wait = FIRST_WAIT_MS;

  /** Told of every change of the link; `welcome` comes with `open`. */
  onstate: (state: LinkState, welcome?: Welcome) => void = () => {};

  constructor(
    readonly token: string,
    private readonly lang: () => string,
  ) {}

  connect(): void {
    this.onstate('connecting');
    const url = new URL('ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ hello: { token: this.token, lang: this.lang() } }));
    socket.onmessage = (event) => this.#take(JSON.parse(String(event.data)));
    socket.onclose = (event) => this.#lose(event.code);
  }

  /** Asks the program to do something, and waits for what comes of it. */
  call<T = null>(op: string, args: object = {}): Promise<T> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(gone());
    const id = ++this.#id;
    socket.send(JSON.stringify({ id, op, with: args }));
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** Sends bytes that a call announced, and waits until they are taken. */
  sendBytes<T = null>(bytes: Uint8Array<ArrayBuffer>): Promise<T> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(gone());
    socket.send(bytes);
    return new Promise((resolve, reject) => this.#pieces.push({ resolve, reject }));
  }

  /** Listens to a topic, beginning with the latest that is known; returns how to stop. */
  on<T>(topic: string, listener: (is: T) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    listeners.add(listener as (is: never) => void);
    if (this.#last.has(topic)) listener(this.#last.get(topic) as T);
    return () => listeners.delete(listener as (is: never) => void);
  }

  // Messages are of our own program; their shapes are those of types.ts.
  #take(message: {
    id?: number;
    ok?: unknown;
    error?: Complaint;
    news?: string;
    is?: unknown;
    welcome?: Welcome;
  }): void {
    if (message.welcome) {
      this.#wait = FIRST_WAIT_MS;
      this.onstate('open', message.welcome);
    } else if (message.news !== undefined) {
      this.#last.set(message.news, message.is);
      for (const listener of this.#listeners.get(message.news) ?? []) listener(message.is as never);
    } else if (message.id !== undefined) {
      const pending = message.id === 0 ? this.#pieces.shift() : this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error) pending?.reject(new CallError(message.error));
      else pending?.resolve(message.ok as never);
    }
  }

  #lose(code: number): void {
    this.#socket = null;
    this.#last.clear();
    for (const pending of [...this.#pending.values(), ...this.#pieces]) pending.reject(gone());
    this.#pending.clear();
    this.#pieces = [];
    if (code === REFUSED) {
      this.onstate('refused');
      return;
    }
    this.onstate('waiting');
    setTimeout(() => this.connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}

/** The message is never shown: the page says by itself that it is not connected. */
function gone(): CallError {
  return new CallError({ message: '' });
}
