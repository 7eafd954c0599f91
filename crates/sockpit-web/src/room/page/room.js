// The page: what is typed becomes requests, what the room tells becomes conversations.

import { Link } from "./link.js";
import { Talk, keyOf } from "./talk.js";
import { element, plain } from "./text.js";
import { $, View, hintsFor, namesFor } from "./view.js";
import { language, recall, remember } from "./words.js";

// How many lines may be sent at once, which the room's flood limit lets pass.
const MAX_LINES = 20;
// The errors after which it makes no sense to come again by oneself.
const FINAL = new Set(["kicked", "banned", "flooding"]);
const MAX_LINE = Number(document.documentElement.dataset.maxLine) || 4096;
const THEMES = ["auto", "light", "dark"];

const talk = new Talk();
const view = new View(talk, {
  choose: (place) => choose(place),
  leave: (place) => leave(place),
  write: (nick) => choose(talk.direct(nick)),
});
const link = new Link(hear, change);

// What was sent and is not answered, by its `ref`.
const pending = new Map();
let references = 0;
// Rooms to come into once we have a name; after a lost connection, those that we were in.
let rooms = [];
let state = "closed";
let retryAt = 0;
// Why the room ended the conversation, if it did.
let final = null;
// What was given back to be typed again, as long as nobody has changed it.
let given = "";

// A link may name a room and a nickname: `#room=lab&nick=Zoe`.
const asked = new URLSearchParams(location.hash.slice(1));

// ---- what the room tells

function hear(message) {
  const sent = pending.get(message.ref);
  if (message.ref !== undefined) pending.delete(message.ref);
  const handle = HANDLERS[message.kind];
  const changed = handle ? handle(message, sent) : talk.take(message);
  for (const place of changed ?? []) {
    if (place === talk.current && view.isAtEnd && !document.hidden) place.unread = place.mentions = 0;
  }
  view.update();
}

const HANDLERS = {
  welcome() {},
  current() {},
  named({ from }) {
    const isFirst = talk.me === null || state !== "in";
    talk.me = from;
    state = "in";
    view.state(null);
    if (!isFirst) return told(null, "named", from);
    $("enter").close();
    remember("nick", talk.wanted ?? from);
    for (const room of rooms.slice(1)) request({ kind: "join", room });
    $("text").focus();
  },
  entered({ room, topic = "", members = [], count }, sent) {
    const place = talk.room(room);
    place.isJoined = true;
    place.topic = topic;
    // `count` is of the others.
    place.setMembers(members, count === undefined ? undefined : count + 1, talk.me);
    const isLed = sent?.isLed || talk.current === null || rooms.length === 1;
    if (isLed && sent?.kind === "join") choose(place);
    if (sent?.kind !== "join" && talk.current?.kind !== "direct" && rooms.length <= 1) choose(place);
  },
  exited({ room }) {
    const place = talk.find("room", room);
    if (place) talk.drop(place);
    choose(talk.current);
  },
  members({ room, members = [], count }, sent) {
    const place = talk.find("room", room);
    place?.setMembers(members, count, place.isJoined ? talk.me : null);
    if (sent?.isQuiet) return;
    return told(sent?.place ?? place, "who", members.join(", ") + (count > members.length ? " …" : ""));
  },
  rooms({ rooms: all = [] }, sent) {
    if (sent?.isQuiet) return offer(all);
    return told(sent?.place, "roomsAre", all.map(({ room, members }) => `${room} (${members})`).join(", "));
  },
  "topic-is"({ room, topic = "" }) {
    const place = talk.find("room", room);
    if (place) place.topic = topic;
    return told(place, "topicIs", topic);
  },
  pong(_, sent) {
    if (sent?.kind === "ping") return told(sent.place, "pong", Math.round(performance.now() - sent.at));
  },
  said(message, sent) {
    if (sent?.place) return talk.acknowledged(sent.place, sent, message);
  },
  help: (_, sent) => add(sent?.place, { kind: "help" }),
  info: ({ text }, sent) => add(sent?.place, { kind: "info", text }),
  lost: ({ count }) => add(null, { kind: "lost", text: count ?? 1 }),
  error({ code, text }, sent) {
    if (FINAL.has(code)) final = text;
    if ($("enter").open) {
      $("enterError").textContent = plain(text);
      return;
    }
    const isRepeated = code === "flooded" && (sent?.place ?? talk.current)?.rows.at(-1)?.text === text;
    const told = isRepeated ? [] : add(sent?.place, { kind: "error", text });
    if (sent?.kind === "text" || sent?.kind === "direct") return [...told, ...returned(sent.text, sent.place)];
    if (sent?.kind === "me") return [...told, ...returned(`/me ${sent.text}`, sent.place)];
    return told;
  },
  bye() {
    if (state === "quitting") final = "";
  },
};

// Adds a row of our own to a place; `null` is the one that is seen.
function add(place, row) {
  place ??= talk.current;
  return place?.add({ from: "", to: "", at: new Date(), ...row }) ? [place] : [];
}

function told(place, text, ...list) {
  return add(place, { kind: "told", text, list });
}

// What the room did not take is not lost: it is typed again, or where that cannot be, written down.
function returned(line, place) {
  const isSlashed = line.startsWith("/") && !line.startsWith("/me ");
  const isTaken = place === talk.current && giveBack(isSlashed ? `/${line}` : line);
  return isTaken ? [] : told(place, "unsent", line);
}

// Puts a text where it was typed, behind what was given back before; whether there was room for it.
function giveBack(line) {
  const field = $("text");
  if (field.value !== "" && field.value !== given) return false;
  given = field.value === "" ? line : `${field.value}\n${line}`;
  field.value = given;
  // Whatever is typed next takes its place.
  field.select();
  fit();
  return true;
}

// ---- the connection

function change(to, at) {
  const words = language.words;
  if (to === "open") {
    state = "naming";
    link.send({ kind: "nick", text: talk.wanted + (rooms[0] ? `@${rooms[0]}` : "") });
  } else if (to === "connecting") {
    if (talk.me !== null) view.state(words.connecting);
  } else if (to === "waiting") {
    lose();
    if (final !== null) {
      link.close();
    } else if ($("enter").open) {
      $("enterError").textContent = words.lost(Math.ceil((at - Date.now()) / 1000));
      retryAt = at;
    } else {
      retryAt = at;
      count();
    }
  } else if (to === "closed") {
    state = "closed";
    if (talk.me !== null) view.state(final ? `${words.refused} ${plain(final)}` : words.gone, words.back);
  }
  view.update();
}

// The connection is gone: what was not acknowledged was perhaps not heard.
function lose() {
  state = "waiting";
  for (const sent of pending.values()) {
    if (["text", "direct", "me"].includes(sent.kind)) told(sent.place, "unsent", sent.text);
  }
  pending.clear();
  const joined = talk.rooms().filter((place) => place.isJoined);
  const here = joined.filter((place) => place === talk.current);
  if (talk.me !== null) rooms = [...here, ...joined.filter((place) => place !== talk.current)].map((place) => place.name);
}

function count() {
  if (state !== "waiting" || talk.me === null) return;
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  view.state(language.words.lost(seconds), language.words.again);
}

setInterval(count, 500);

// A room of so many tells nobody who comes and goes, so it is asked while it is looked at.
const QUIET_FROM = 100;
const RECOUNT = 10_000;

setInterval(() => {
  const place = talk.current;
  const isLarge = place?.kind === "room" && place.isJoined && place.count >= QUIET_FROM;
  if (isLarge && talk.me !== null && link.isOpen && !document.hidden) {
    request({ kind: "who", room: place.name }, { isQuiet: true });
  }
}, RECOUNT);

function come() {
  final = null;
  link.open();
}

$("again").addEventListener("click", come);

// ---- requests

function request(message, extra = {}) {
  const ref = ++references;
  const whole = { ...message, ref };
  if (!link.send(whole)) return false;
  pending.set(ref, { ...message, place: talk.current, at: performance.now(), ...extra });
  return true;
}

function choose(place) {
  talk.current = place ?? null;
  closeDrawers();
  if (place) {
    place.unread = place.mentions = 0;
    // In a crowd nobody is told who comes and goes.
    if (place.kind === "room" && !place.isComplete) request({ kind: "who", room: place.name }, { isQuiet: true });
    if (place.kind === "room") history.replaceState(null, "", `#${new URLSearchParams({ room: place.name })}`);
  }
  view.update();
  if (!matchMedia("(pointer: coarse)").matches) $("text").focus();
}

function leave(place) {
  if (place.kind === "room" && link.isOpen) {
    request({ kind: "leave", room: place.name });
  } else {
    talk.drop(place);
    choose(talk.current);
  }
}

// Says one line where we are; the reason as a row if that is not possible.
function speak(kind, text, place) {
  const message = place.kind === "direct" && kind === "text" ? { kind: "direct", to: place.name, text } : { kind, room: place.name, text };
  const over = new TextEncoder().encode(JSON.stringify({ ...message, ref: references + 1 })).length - MAX_LINE;
  if (over > 0) return fail("tooLong", over);
  return request(message, { place }) || fail("offline");
}

function fail(text, ...list) {
  told(null, text, ...list);
  view.update();
  return false;
}

const wants = (command) => fail("wants", language.words.use[command][0]);

const COMMANDS = {
  join: (rest) => rest ? request({ kind: "join", room: rest }, { isLed: true }) || fail("offline") : wants("join"),
  leave(rest, place) {
    const left = rest ? talk.find("room", rest) : place;
    return left ? (leave(left), true) : fail("nowhere");
  },
  msg(rest) {
    const [, to, text] = /^(\S+)\s+(.+)$/su.exec(rest) ?? [];
    if (!to) return wants("msg");
    const place = talk.direct(to);
    choose(place);
    return speak("text", text, place);
  },
  me: (rest, place) => rest ? speak("me", rest, place) : wants("me"),
  nick(rest) {
    if (!rest) return wants("nick");
    talk.wanted = rest;
    remember("nick", rest);
    return request({ kind: "nick", text: rest }) || fail("offline");
  },
  who: (rest, place) => request({ kind: "who", room: rest || roomOf(place) }) || fail("offline"),
  rooms(_, place) {
    if (!place) return pick();
    return request({ kind: "rooms" }) || fail("offline");
  },
  topic: (rest, place) => request({ kind: "topic", room: roomOf(place), ...(rest && { text: rest === "-" ? "" : rest }) }) || fail("offline"),
  history: (rest, place) => request({ kind: "history", room: roomOf(place), ...(/^\d+$/.test(rest) && { lines: Number(rest) }) }) || fail("offline"),
  ping: () => request({ kind: "ping" }) || fail("offline"),
  help: () => add(null, { kind: "help" }),
  clear(_, place) {
    place.rows = [];
    place.given += 1;
    return true;
  },
  quit() {
    state = "quitting";
    final = "";
    if (!request({ kind: "quit" })) link.close();
    return true;
  },
};

const ALIASES = { j: "join", part: "leave", names: "who", list: "rooms", exit: "quit", "?": "help" };

function roomOf(place) {
  return place?.kind === "room" ? place.name : undefined;
}

// What can be done in no room.
const ANYWHERE = new Set(["join", "msg", "nick", "rooms", "quit"]);

// Does one typed line; whether it may go from where it was typed.
function obey(line) {
  const command = /^\/(?!\/)(\S*)\s*(.*)$/su.exec(line);
  const place = talk.current;
  if (!command && !place) return false;
  if (!command) return speak("text", line.startsWith("//") ? line.slice(1) : line, place);
  const [, typed, rest] = command;
  const word = typed.toLowerCase();
  const whole = Object.hasOwn(ALIASES, word) ? ALIASES[word] : word;
  if (!Object.hasOwn(COMMANDS, whole)) return fail("unknown", typed);
  if (!place && !ANYWHERE.has(whole)) return false;
  return COMMANDS[whole](rest.trim(), place);
}

// ---- the line that is typed

const text = $("text");
const written = [];
let recalled = 0;
let chosen = 0;
let completing = null;

function submit() {
  const lines = text.value.split(/\r?\n/u).filter((line) => line.trim() !== "");
  if (lines.length === 0) return;
  if (lines.length > MAX_LINES) return fail("tooMany", lines.length);
  written.push(text.value);
  if (written.length > 100) written.shift();
  recalled = written.length;
  text.value = "";
  const kept = [];
  for (const line of lines) {
    if (kept.length > 0 || obey(line) === false) kept.push(line);
  }
  if (kept.length > 0) giveBack(kept.join("\n"));
  fit();
  hint();
  view.update();
  view.toEnd();
}

// As high as its text, up to the style's limit.
function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function hint() {
  const hints = hintsFor(text.value);
  chosen = Math.min(chosen, Math.max(0, hints.length - 1));
  $("hints").hidden = hints.length === 0;
  text.setAttribute("aria-expanded", String(hints.length > 0));
  $("hints").replaceChildren(...hints.map(([command, [usage, what]], index) => {
    const node = element("li", "", element("code", "", usage), element("span", "faint", what));
    node.id = `hint-${command}`;
    node.role = "option";
    node.ariaSelected = String(index === chosen);
    node.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take(command);
    });
    return node;
  }));
  const option = $("hints").children[chosen];
  if (option) {
    text.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    text.removeAttribute("aria-activedescendant");
  }
}

function take(command) {
  text.value = `/${command} `;
  hint();
}

// Puts the next name that fits in place of the word before the caret; whether there is one.
function complete() {
  if (!completing) {
    const names = [...new Set([...(talk.current?.members.values() ?? []), ...talk.directs().map((place) => place.name)])];
    const found = namesFor(text.value, text.selectionStart, names.filter((nick) => !talk.isMe(nick)));
    if (found.names.length === 0) return false;
    completing = { ...found, index: 0, head: text.value.slice(0, found.from), tail: text.value.slice(text.selectionStart) };
  }
  const { names, index, from, head, tail } = completing;
  const end = from === 0 ? ": " : " ";
  text.value = head + names[index % names.length] + end + tail;
  text.selectionStart = text.selectionEnd = text.value.length - tail.length;
  completing.index += 1;
  fit();
  return true;
}

function step(by) {
  const to = recalled + by;
  if (to < 0 || to > written.length) return;
  recalled = to;
  text.value = written[to] ?? "";
  fit();
  hint();
}

text.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const hints = $("hints").hidden ? [] : hintsFor(text.value);
  const isRecall = text.value === "" || text.value === written[recalled];
  if (event.key !== "Tab") completing = null;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    const word = text.value.slice(1).toLowerCase();
    const isWhole = hints.some(([command]) => command === word);
    if (hints.length > 0 && !isWhole) take(hints[chosen][0]);
    else submit();
  } else if (event.key === "Tab" && !event.shiftKey) {
    if (hints.length > 0) take(hints[chosen][0]);
    else if (!complete()) return;
    event.preventDefault();
  } else if (hints.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : hints.length - 1)) % hints.length;
    hint();
  } else if (isRecall && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(event.key === "ArrowUp" ? -1 : 1);
  } else if (event.key === "Escape") {
    $("hints").hidden = true;
  }
});
text.addEventListener("input", () => {
  chosen = 0;
  completing = null;
  fit();
  hint();
});
text.addEventListener("blur", () => { $("hints").hidden = true; });
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  text.focus();
});

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const all = talk.all();
    const next = all.indexOf(talk.current) + (event.key === "ArrowDown" ? 1 : -1);
    if (all.length > 0) choose(all[(next + all.length) % all.length]);
  } else if (event.key === "Escape") {
    closeDrawers();
    text.focus();
  } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey && event.target === document.body) {
    // Whatever is typed is a message.
    text.focus();
  }
});

// ---- drawers, dialogs, appearance

function drawer(id, button) {
  const isOpen = $("app").classList.toggle(id);
  $(button).setAttribute("aria-expanded", String(isOpen));
  $("shade").hidden = !isOpen;
  if (isOpen && id === "showMembers" && talk.current?.kind === "room") request({ kind: "who", room: talk.current.name }, { isQuiet: true });
}

function closeDrawers() {
  $("app").classList.remove("showSide", "showMembers");
  for (const id of ["openSide", "openMembers"]) $(id).setAttribute("aria-expanded", "false");
  $("shade").hidden = true;
}

$("openSide").addEventListener("click", () => drawer("showSide", "openSide"));
$("openMembers").addEventListener("click", () => {
  if (matchMedia("(max-width: 60rem)").matches) drawer("showMembers", "openMembers");
  else $("app").classList.toggle("noMembers");
});
for (const id of ["closeMembers", "shade"]) $(id).addEventListener("click", closeDrawers);

// Lets somebody choose a room.
function pick() {
  $("pickName").value = "";
  $("pickList").replaceChildren();
  $("pick").showModal();
  return request({ kind: "rooms" }, { isQuiet: true });
}

$("more").addEventListener("click", pick);
$("pickClose").addEventListener("click", () => $("pick").close());
$("pickForm").addEventListener("submit", (event) => {
  event.preventDefault();
  $("pick").close();
  COMMANDS.join($("pickName").value.trim().replace(/^#/, ""));
});

// The rooms to choose from, in the dialog.
function offer(all) {
  $("pickList").replaceChildren(...all.map(({ room, members, topic }) => {
    const button = element("button", "quiet", element("span", "hash", "#"), element("bdi", "cut", plain(room)), element("span", "faint", language.words.people(members)), element("span", "faint cut topic", plain(topic)));
    button.type = "button";
    button.addEventListener("click", () => {
      $("pick").close();
      const place = talk.places.get(keyOf("room", room));
      if (place) choose(place);
      else COMMANDS.join(room);
    });
    return element("li", "", button);
  }));
}

$("me").addEventListener("click", () => {
  text.value = "/nick ";
  text.focus();
  closeDrawers();
});

for (const id of ["language", "enterLanguage"]) {
  $(id).addEventListener("click", () => {
    language.turn();
    view.speak();
    showTheme();
    hint();
  });
}

function showTheme() {
  const theme = recall("theme");
  const now = THEMES.includes(theme) ? theme : "auto";
  document.documentElement.dataset.theme = now;
  $("theme").textContent = { auto: "◐", light: "☀", dark: "☾" }[now];
  $("theme").title = $("theme").ariaLabel = language.words.theme[now];
}

$("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme;
  remember("theme", THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  showTheme();
});

document.addEventListener("visibilitychange", () => {
  const place = talk.current;
  if (!document.hidden && place && view.isAtEnd) place.unread = place.mentions = 0;
  view.update();
});

// ---- the beginning

showTheme();
$("enterHost").textContent = location.host;
$("nick").value = asked.get("nick") || recall("nick") || "";
$("firstRoom").value = asked.get("room") ?? "";
// The dialog is the way in; it cannot be put away.
$("enter").addEventListener("cancel", (event) => event.preventDefault());
$("enterForm").addEventListener("submit", (event) => {
  event.preventDefault();
  const nick = $("nick").value.trim();
  if (nick === "") return;
  talk.wanted = nick;
  rooms = [$("firstRoom").value.trim().replace(/^#/, "")].filter(Boolean);
  $("enterError").textContent = "";
  // A nickname that was refused is asked for anew on the same connection.
  if (link.isOpen) link.send({ kind: "nick", text: nick + (rooms[0] ? `@${rooms[0]}` : "") });
  else come();
});
$("enter").showModal();
$("nick").focus();
