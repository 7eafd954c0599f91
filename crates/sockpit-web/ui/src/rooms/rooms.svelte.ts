// The rooms that were joined or are served here, and their lines.

import { bench } from '../lib/bench.svelte';

export interface Room {
  id: number;
  /** `plain` is a chat that is no room of ours. */
  kind: 'room' | 'plain' | 'served';
  endpoint: string;
  nick: string;
  state: 'connecting' | 'in' | 'away' | 'ended';
  /** Why it is away or has ended. */
  text: string | null;
  current: string | null;
  rooms: string[];
  members: Record<string, string[]>;
  local?: string[];
  urls?: string[];
  first: number;
  last: number;
  /** Grows when lines that are known have changed. */
  changes: number;
}

/** Where a room is: a served one where it came to listen. */
export function placeOf(room: Room): string {
  return room.local?.[0] ?? room.endpoint;
}

export type LineKind = 'said' | 'me' | 'told' | 'joined' | 'left' | 'renamed' | 'topic' | 'notice' | 'refused' | 'gap' | 'line';

export interface Line {
  i: number;
  at: number;
  kind: LineKind;
  room: string | null;
  from: string | null;
  to?: string | null;
  text: string | null;
  mine: boolean;
  replayed?: true;
  /** What became of an own line: the room has it, or it came to nothing. */
  fate?: 'sent' | 'kept' | 'lost';
}

/** Lines that are held of a room: earlier ones are asked for when somebody wants them. */
const HELD = 300;
const MOST_AT_ONCE = 500;

/** The lines of one room, the latest at the end. */
export class Lines {
  all = $state.raw<Line[]>([]);
  /** The number of the first line that is held. */
  from = $state(0);
  #end = 0;
  #changes = -1;
  #held = HELD;
  #isAsking = false;
  #isStale = false;

  constructor(readonly room: number) {}

  /** Takes what news say of the room, and asks for what is missing. */
  async follow(room: Room): Promise<void> {
    this.#isStale = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isStale) {
      this.#isStale = false;
      const now = rooms.all.find((one) => one.id === this.room) ?? room;
      const isNew = now.changes !== this.#changes;
      const from = Math.max(now.first, now.last - this.#held, isNew ? 0 : this.#end);
      const kept = isNew ? [] : this.all.filter((line) => line.i >= Math.max(now.first, now.last - 2 * this.#held));
      const found = await this.#ask(from, now.last);
      if (!found) break;
      this.#changes = now.changes;
      this.#end = Math.max(now.last, (found.at(-1)?.i ?? -1) + 1);
      this.all = [...kept.filter((line) => line.i < from), ...found];
      this.from = this.all[0]?.i ?? now.last;
    }
    this.#isAsking = false;
  }

  /** Holds as many more from before. */
  async earlier(room: Room): Promise<void> {
    this.#held += HELD;
    this.#changes = -1;
    await this.follow(room);
  }

  async #ask(from: number, to: number): Promise<Line[] | null> {
    const found: Line[] = [];
    for (let at = from; at < to; ) {
      const page = await bench.ask<{ lines: Line[] }>('room.lines', { room: this.room, from: at, count: MOST_AT_ONCE });
      if (!page) return null;
      if (page.lines.length === 0) break;
      found.push(...page.lines);
      at = (page.lines.at(-1)?.i ?? to) + 1;
    }
    return found;
  }
}

class Rooms {
  all = $state.raw<Room[]>([]);
  chosen = $state<number | null>(null);
  /** How far each room has been read, by its number. */
  #read = $state<Record<number, number>>({});
  #lines = new Map<number, Lines>();
  #isListening = false;

  get room(): Room | null {
    return this.all.find((room) => room.id === this.chosen) ?? this.all[0] ?? null;
  }

  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    bench.link.on<Room[]>('rooms', (all) => {
      this.all = all;
      for (const room of all) this.#read[room.id] ??= room.last;
      for (const id of this.#lines.keys()) if (!all.some((room) => room.id === id)) this.#lines.delete(id);
    });
  }

  /** Another program answers: its rooms are others. */
  forget(): void {
    this.#lines.clear();
    this.#read = {};
  }

  lines(room: number): Lines {
    const lines = this.#lines.get(room) ?? new Lines(room);
    this.#lines.set(room, lines);
    return lines;
  }

  unread(room: Room): number {
    return Math.max(0, room.last - (this.#read[room.id] ?? room.last));
  }

  read(room: Room): void {
    if (this.#read[room.id] !== room.last) this.#read[room.id] = room.last;
  }
}

export const rooms = new Rooms();
