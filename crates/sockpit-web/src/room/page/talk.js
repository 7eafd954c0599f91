// What is being talked about, without a screen: rooms, direct messages, who is there, what was said.

import { fold, mentions } from "./text.js";

// How much of one conversation is kept.
export const MAX_ROWS = 2000;
// How many people may have a conversation with us: whoever writes opens one, under any name.
const MAX_DIRECTS = 100;

export class Place {
  rows = [];
  // The rows that were given up at the front.
  given = 0;
  seen = new Set();
  members = new Map();
  count = 0;
  topic = "";
  unread = 0;
  mentions = 0;
  isJoined = true;

  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.key = keyOf(kind, name);
  }

  // Whether the row is new; a replayed one may have been seen before a reconnection.
  add(row) {
    if (row.id) {
      if (this.seen.has(row.id)) return false;
      this.seen.add(row.id);
    }
    this.rows.push(row);
    // Cut in steps, as moving all rows for each new one would cost.
    if (this.rows.length > MAX_ROWS + 200) {
      for (const old of this.rows.splice(0, this.rows.length - MAX_ROWS)) this.seen.delete(old.id);
      this.given += 1;
    }
    return true;
  }

  setMembers(names, count, me) {
    this.members = new Map(names.map((nick) => [fold(nick), nick]));
    if (me) this.members.set(fold(me), me);
    this.count = Math.max(count ?? 0, this.members.size);
  }

  comes(nick) {
    if (!this.members.has(fold(nick))) this.count += 1;
    this.members.set(fold(nick), nick);
  }

  goes(nick) {
    if (this.members.delete(fold(nick))) this.count = Math.max(this.count - 1, this.members.size);
  }

  get isComplete() { return this.count <= this.members.size; }
}

export function keyOf(kind, name) {
  return (kind === "room" ? "#" : "@") + fold(name);
}

export class Talk {
  places = new Map();
  current = null;
  me = null;
  // The nickname that was asked for, where the server gave another.
  wanted = null;

  room(name) { return this.#place("room", name); }
  direct(name) { return this.#place("direct", name); }
  find(kind, name) { return this.places.get(keyOf(kind, name)); }
  isMe(nick) { return this.me !== null && fold(nick) === fold(this.me); }
  rooms() { return this.#sorted("room"); }
  directs() { return this.#sorted("direct"); }
  all() { return [...this.rooms(), ...this.directs()]; }

  drop(place) {
    this.places.delete(place.key);
    if (this.current === place) this.current = this.all()[0] ?? null;
  }

  // Takes what the server tells of a conversation, and returns where there is a new row.
  take(message) {
    const { kind, room, from = "", to = "", text = "" } = message;
    const row = { kind, from, to, text, id: message.id, at: new Date(message.ts ?? Date.now()), replayed: message.replayed === true };
    if (kind === "renamed") return this.#renamed(row, room);
    if (kind === "direct") {
      row.own = this.isMe(from);
      return this.#said(this.direct(row.own ? to : from), row);
    }
    if (kind === "notice" && !room) {
      return this.all().filter((place) => place.kind === "room" && place.add({ ...row }));
    }
    const place = room ? this.room(room) : this.current;
    if (!place) return [];
    if (kind === "joined") place.comes(from);
    if (kind === "left") place.goes(from);
    if (kind === "kicked") place.goes(to);
    if (kind === "topic" && !row.replayed) place.topic = text;
    row.own = this.isMe(from);
    return kind === "text" || kind === "me" ? this.#said(place, row) : place.add(row) ? [place] : [];
  }

  // What we said ourselves, once the server has it.
  acknowledged(place, sent, { id, ts }) {
    const row = { kind: sent.kind, from: this.me, text: sent.text, id, at: new Date(ts ?? Date.now()), own: true };
    return place.add(row) ? [place] : [];
  }

  #said(place, row) {
    row.mention = !row.own && place.kind === "room" && mentions(row.text, this.me);
    if (!place.add(row)) return [];
    if (!row.own && !row.replayed) {
      place.unread += 1;
      if (row.mention || place.kind === "direct") place.mentions += 1;
    }
    return [place];
  }

  #renamed(row, room) {
    if (this.isMe(row.from)) this.me = row.text;
    const direct = this.find("direct", row.from);
    if (direct && !this.find("direct", row.text)) {
      this.places.delete(direct.key);
      direct.name = row.text;
      direct.key = keyOf("direct", row.text);
      this.places.set(direct.key, direct);
    }
    const told = [];
    for (const place of this.all()) {
      const isThere = place === direct || (room ? place === this.find("room", room) : place.members.has(fold(row.from)));
      if (!isThere) continue;
      if (place.kind === "room") {
        place.goes(row.from);
        place.comes(row.text);
      }
      if (place.add({ ...row })) told.push(place);
    }
    return told;
  }

  #place(kind, name) {
    const key = keyOf(kind, name);
    let place = this.places.get(key);
    if (!place) {
      place = new Place(kind, name);
      if (kind === "direct") this.#makeRoom();
      this.places.set(key, place);
      this.current ??= place;
    }
    return place;
  }

  // Gives up the conversation in which nothing happened for the longest time.
  #makeRoom() {
    const directs = this.directs().filter((place) => place !== this.current);
    if (directs.length < MAX_DIRECTS) return;
    const last = (place) => Number(place.rows.at(-1)?.at ?? 0);
    this.drop(directs.reduce((oldest, place) => (last(place) < last(oldest) ? place : oldest)));
  }

  #sorted(kind) {
    const places = [...this.places.values()].filter((place) => place.kind === kind);
    return places.sort((a, b) => a.name.localeCompare(b.name));
  }
}
