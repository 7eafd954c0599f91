// What is on the screen. Everything that others wrote comes in as text.

import { MAX_ROWS } from "./talk.js";
import { element, fold, hue, name, pieces, plain } from "./text.js";
import { language } from "./words.js";

// Messages of one person within this time stand under one name.
const GROUP_WITHIN = 5 * 60_000;
// How many members are drawn; a longer list helps nobody.
const MAX_NAMES = 500;
// How far from its end, in pixels, a list still counts as followed.
const AT_END = 48;

export const $ = (id) => document.getElementById(id);
const say = (key) => language.words[key];

export class View {
  #talk;
  #act;
  // What the log shows: the place, how many of its rows, and the last of them.
  #shown = { place: null, given: 0, count: 0, last: null, day: "" };
  #below = 0;
  // Whether the newest is on the screen and stays there.
  #follows = true;
  #isDue = false;
  #times;
  #dates;

  // `act` has what a click may do: `choose(place)`, `leave(place)`, `write(nick)`.
  constructor(talk, act) {
    this.#talk = talk;
    this.#act = act;
    $("scroll").addEventListener("scroll", () => this.#scrolled());
    $("down").addEventListener("click", () => this.toEnd());
    // What was followed before a keyboard or a longer line took its room is followed after.
    new ResizeObserver(() => this.#follows && this.toEnd()).observe($("scroll"));
    this.speak();
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = $("scroll");
    return scrollHeight - scrollTop - clientHeight < AT_END;
  }

  // Draws all that changed, at most once a frame.
  update() {
    if (this.#isDue) return;
    this.#isDue = true;
    // A hidden page draws nothing, and catches up.
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  // Everything in the other language.
  speak() {
    document.documentElement.lang = language.tag;
    this.#times = new Intl.DateTimeFormat(language.tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.#dates = new Intl.DateTimeFormat(language.tag, { weekday: "long", day: "numeric", month: "long" });
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
    for (const node of document.querySelectorAll("[data-tip]")) {
      node.title = say(node.dataset.tip);
      node.setAttribute("aria-label", node.title);
    }
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
    const other = language.other === "en" ? "English" : "简体中文";
    for (const id of ["language", "enterLanguage"]) {
      $(id).textContent = other;
      $(id).lang = language.other;
    }
    this.#shown.place = null;
    this.update();
  }

  toEnd() {
    this.#follows = true;
    $("scroll").scrollTop = $("scroll").scrollHeight;
    this.#seen();
  }

  #scrolled() {
    this.#follows = this.isAtEnd;
    if (this.#follows) this.#seen();
  }

  // Tells above the messages how the connection is; `null` that all is well.
  state(text, button) {
    $("state").hidden = text === null;
    $("stateText").textContent = text ?? "";
    $("again").hidden = !button;
    $("again").textContent = button ?? "";
  }

  #seen() {
    this.#below = 0;
    $("down").hidden = this.isAtEnd;
    const place = this.#talk.current;
    if (place && !document.hidden && (place.unread || place.mentions)) {
      place.unread = place.mentions = 0;
      this.update();
    }
  }

  #draw() {
    const place = this.#talk.current;
    this.#drawPlaces();
    // The members decide how wide the messages are, and so how high.
    this.#drawMembers(place);
    this.#drawLog(place);
    const unread = this.#talk.all().reduce((sum, each) => sum + each.unread, 0);
    const elsewhere = this.#talk.all().reduce((sum, each) => sum + (each === place ? 0 : each.unread), 0);
    $("elsewhere").hidden = elsewhere === 0;
    $("elsewhere").textContent = short(elsewhere);
    const title = place ? `${place.kind === "room" ? "" : "@"}${plain(place.name)}` : say("rooms");
    $("title").textContent = title;
    $("topic").textContent = place ? plain(place.topic) : "";
    $("topic").title = $("topic").textContent;
    document.title = `${unread ? `(${short(unread)}) ` : ""}${title} · ${location.host}`;
    $("host").textContent = location.host;
    $("me").replaceChildren(...(this.#talk.me ? [disc(this.#talk.me), name(this.#talk.me)] : []));
    $("text").placeholder = place ? say("writeTo")(plain(place.name)) : say("writeNowhere");
  }

  #drawLog(place) {
    const shown = this.#shown;
    const log = $("log");
    const follows = this.#follows || shown.place !== place;
    if (shown.place !== place || shown.given !== place?.given || shown.count > (place?.rows.length ?? 0)) {
      log.replaceChildren();
      Object.assign(shown, { place, given: place?.given ?? 0, count: 0, last: null, day: "" });
      this.#below = 0;
    }
    const rows = place?.rows ?? [];
    const fresh = rows.slice(Math.max(shown.count, rows.length - MAX_ROWS));
    if (fresh.length > 0) {
      const nodes = document.createDocumentFragment();
      for (const row of fresh) nodes.append(...this.#row(row));
      log.append(nodes);
      while (log.childElementCount > MAX_ROWS) log.firstElementChild.remove();
      log.firstElementChild.classList.remove("same");
      if (!follows) this.#below += fresh.filter((row) => !row.own).length;
    }
    shown.count = rows.length;
    $("empty").hidden = rows.length > 0;
    $("empty").textContent = !place ? say("nowhere") : place.kind === "room" ? say("emptyRoom") : say("emptyDirect")(plain(place.name));
    if (follows) this.toEnd();
    $("down").hidden = this.isAtEnd;
    $("down").textContent = this.#below ? say("newBelow")(this.#below) : say("below");
  }

  // The nodes of a row, with the day before it if that is another one.
  #row(row) {
    const shown = this.#shown;
    const nodes = [];
    const day = this.#dates.format(row.at);
    if (day !== shown.day) {
      nodes.push(element("li", "day", element("span", "", day)));
      shown.last = null;
    }
    shown.day = day;
    const isSaid = row.kind === "text" || row.kind === "direct";
    const last = shown.last;
    const isSame = isSaid && last?.from === row.from && row.at - last.at < GROUP_WITHIN;
    shown.last = isSaid ? row : null;
    const time = element("time", "", this.#times.format(row.at));
    time.dateTime = row.at.toISOString();
    time.title = row.at.toLocaleString(language.tag);
    const node = element("li", `row ${isSaid ? "said" : row.kind}${isSame ? " same" : ""}`);
    if (row.own) node.classList.add("own");
    if (row.mention) node.classList.add("mention");
    if (isSaid) {
      const head = element("div", "from", name(row.from), time);
      const text = element("div", "text", ...pieces(row.text, row.own ? null : this.#talk.me));
      text.dir = "auto";
      const small = time.cloneNode(true);
      small.className = "aside";
      small.ariaHidden = "true";
      node.append(isSame ? small : disc(row.from), element("div", "body", head, text));
    } else if (row.kind === "me") {
      const text = element("span", "text", "∗ ", name(row.from), " ", ...pieces(row.text, row.own ? null : this.#talk.me));
      node.append(time, text);
    } else {
      node.append(time, element("span", "text", ...this.#event(row)));
    }
    nodes.push(node);
    return nodes;
  }

  #event({ kind, from, to, text, list }) {
    const [who, what] = [plain(from), plain(text)];
    switch (kind) {
      case "joined": case "left": return [say(kind)(who)];
      case "renamed": return [say("renamed")(who, what)];
      case "topic": return [say("topicSet")(who, what)];
      case "kicked": return [say("kicked")(plain(to), what)];
      case "notice": return [element("strong", "", say("notice")), " ", ...pieces(text, null)];
      case "lost": return [say("missed")(text)];
      case "help": return [say("help"), help()];
      case "told": return [typeof say(text) === "function" ? plain(say(text)(...list)) : say(text)];
      default: return [lines(text)];
    }
  }

  #drawPlaces() {
    for (const [id, places] of [["rooms", this.#talk.rooms()], ["directs", this.#talk.directs()]]) {
      const wanted = places.map((place) => this.#place(place));
      // Focus stays where it was.
      const focused = document.activeElement?.closest(`#${id} li`)?.dataset.key;
      $(id).replaceChildren(...wanted);
      if (focused) [...$(id).children].find((node) => node.dataset.key === focused)?.querySelector("button").focus();
    }
    $("directHead").hidden = this.#talk.directs().length === 0;
  }

  #place(place) {
    const isCurrent = place === this.#talk.current;
    const mark = place.kind === "room" ? element("span", "hash", "#") : disc(place.name);
    const choose = element("button", "place", mark, element("bdi", "cut", plain(place.name)));
    choose.type = "button";
    if (isCurrent) choose.setAttribute("aria-current", "true");
    if (place.unread && !(isCurrent && this.isAtEnd && !document.hidden)) {
      const badge = element("span", place.mentions ? "badge loud" : "badge", short(place.unread));
      badge.setAttribute("aria-label", say("unread")(place.unread));
      choose.append(badge);
    }
    choose.addEventListener("click", () => this.#act.choose(place));
    const leave = element("button", "quiet icon leave", "✕");
    leave.type = "button";
    leave.title = say(place.kind === "room" ? "leave" : "close");
    leave.ariaLabel = `${leave.title}: ${plain(place.name)}`;
    leave.addEventListener("click", () => this.#act.leave(place));
    const node = element("li", isCurrent ? "current" : "", choose, leave);
    node.dataset.key = place.key;
    return node;
  }

  #drawMembers(place) {
    const isRoom = place?.kind === "room";
    $("openMembers").hidden = !isRoom;
    $("members").hidden = !isRoom;
    $("app").classList.toggle("alone", !isRoom);
    if (!isRoom) return;
    const said = say("membersOf")(place.count);
    $("openMembers").textContent = `☺ ${place.count}`;
    $("openMembers").ariaLabel = said;
    $("membersTitle").textContent = said;
    const names = [...place.members.values()].sort((a, b) => a.localeCompare(b)).slice(0, MAX_NAMES);
    // A list that nothing changed in keeps its nodes, and the focus on them.
    const signature = JSON.stringify([names, place.count, this.#talk.me, language.tag]);
    if ($("memberList").dataset.signature === signature) return;
    $("memberList").dataset.signature = signature;
    const nodes = names.map((nick) => {
      const button = element("button", "member quiet", disc(nick), name(nick));
      button.type = "button";
      if (this.#talk.isMe(nick)) {
        button.append(element("span", "faint", say("you")));
        button.disabled = true;
      } else {
        button.addEventListener("click", () => this.#act.write(nick));
      }
      return element("li", "", button);
    });
    const more = place.count - names.length;
    if (more > 0) nodes.push(element("li", "faint more", say("more")(more)));
    $("memberList").replaceChildren(...nodes);
  }
}

// The first character of a name on its colour.
function disc(nick) {
  const first = [...new Intl.Segmenter().segment(plain(nick))][0]?.segment ?? "?";
  const node = element("span", "disc", first.toUpperCase());
  node.ariaHidden = "true";
  node.style.setProperty("--hue", hue(nick));
  return node;
}

function lines(text) {
  return element("span", "lines", String(text ?? "").split("\n").map(plain).join("\n"));
}

function help() {
  const list = element("dl", "uses");
  for (const [usage, what] of Object.values(say("use"))) list.append(element("dt", "", usage), element("dd", "", what));
  return list;
}

function short(count) {
  return count > 99 ? "99+" : String(count);
}

// The commands that begin with what was typed.
export function hintsFor(text) {
  const word = /^\/(\p{L}*)$/u.exec(text)?.[1];
  if (word === undefined) return [];
  return Object.entries(say("use")).filter(([command]) => command.startsWith(word.toLowerCase()));
}

// The names that begin with the word before the caret; `from` is where that word begins.
export function namesFor(text, caret, names) {
  const from = text.slice(0, caret).search(/@?[^\s@]*$/u);
  const word = fold(text.slice(from, caret).replace(/^@/, ""));
  if (word === "") return { from, names: [] };
  return { from, names: names.filter((nick) => fold(nick).startsWith(word)).sort((a, b) => a.localeCompare(b)) };
}
