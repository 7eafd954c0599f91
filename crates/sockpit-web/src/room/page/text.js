// Text of others as nodes. Nothing here makes markup of it.

// What a screen would obey without showing it: controls, and marks that turn the direction of text.
const HIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/giu;
// What ends a sentence, not an address.
const CLOSING = new Set(".,;:!?)]}。，；：！？）】》");

// A string that shows whatever is hidden in it.
export function plain(text) {
  return String(text ?? "").replace(HIDDEN, (mark) => `\\u{${mark.codePointAt(0).toString(16)}}`);
}

export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// A name in its colour.
export function name(nick, tag = "bdi") {
  const node = element(tag, "name", plain(nick));
  node.style.setProperty("--hue", hue(nick));
  return node;
}

// The same name has the same colour everywhere and always: FNV-1a over its code points.
export function hue(nick) {
  let hash = 0x811c9dc5;
  for (const point of fold(nick)) hash = Math.imul(hash ^ point.codePointAt(0), 0x01000193);
  return (hash >>> 0) % 360;
}

// Names are compared so.
export function fold(nick) {
  return String(nick ?? "").normalize("NFC").toLowerCase();
}

// Where a text names somebody: not within a longer word.
function places(text, nick) {
  if (!nick) return [];
  const literal = nick.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  // Chinese is written without blanks.
  const isWord = /^[\p{Script=Latin}\p{Nd}_-]+$/u.test(nick);
  const pattern = isWord ? `(?<![\\p{Script=Latin}\\p{Nd}_])${literal}(?![\\p{Script=Latin}\\p{Nd}_])` : literal;
  try {
    return [...text.matchAll(new RegExp(pattern, "giu"))].map((match) => [match.index, match.index + match[0].length, "mark"]);
  } catch {
    return [];
  }
}

export function mentions(text, nick) {
  return places(plain(text), plain(nick)).length > 0;
}

// The nodes of a text: addresses can be followed, our own name is marked.
export function pieces(raw, nick) {
  const text = plain(raw);
  const links = [...text.matchAll(ADDRESS)].map((match) => {
    let end = match[0].length;
    while (CLOSING.has(match[0][end - 1])) end -= 1;
    return [match.index, match.index + end, "link"];
  });
  const spans = [...links, ...places(text, plain(nick))].sort((a, b) => a[0] - b[0]);
  const nodes = [];
  let at = 0;
  for (const [from, to, kind] of spans) {
    if (from < at) continue;
    nodes.push(text.slice(at, from), kind === "link" ? link(text.slice(from, to)) : element("mark", "", text.slice(from, to)));
    at = to;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

function link(address) {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") return address;
  // `https://bank.example@elsewhere.example/` leads elsewhere than it says.
  if (url.username || url.password) return address;
  const node = element("a", "", address);
  node.href = url.href;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow";
  return node;
}
