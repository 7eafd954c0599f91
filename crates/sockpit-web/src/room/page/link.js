// The WebSocket: kept open, looked after, and opened again with growing pauses.

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
// Silence after which the room is asked, and how long its answer may take.
const ASK_AFTER = 45_000;
const ANSWER_WITHIN = 15_000;

export class Link {
  #socket = null;
  #pause = FIRST_PAUSE;
  #retry = null;
  #watch = null;
  #heard = 0;
  #hear;
  #change;

  // `hear` gets each object of the room, `change` the state: "connecting", "open", "closed",
  // or "waiting" with the time at which it is tried again.
  constructor(hear, change) {
    this.#hear = hear;
    this.#change = change;
    addEventListener("online", () => this.#retry && this.open());
  }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN; }

  open() {
    this.#drop();
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#change("connecting");
    socket.onopen = () => {
      this.#heard = Date.now();
      this.#watch = setInterval(() => this.#look(), 5000);
      socket.send("/json on");
      this.#change("open");
    };
    socket.onmessage = ({ data }) => {
      this.#heard = Date.now();
      const message = parse(data);
      if (message === null) return;
      // The room has let us in: whatever happens next is a new misfortune.
      if (message.kind === "named") this.#pause = FIRST_PAUSE;
      this.#hear(message);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#wait();
    };
  }

  // Sends an object; false where there is no connection.
  send(message) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  // Ends it for good.
  close() {
    this.#drop();
    this.#change("closed");
  }

  #drop() {
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    this.#retry = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #wait() {
    this.#drop();
    // Many pages that lost one server do not come back at one moment.
    const pause = this.#pause * (0.75 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#retry = setTimeout(() => this.open(), pause);
    this.#change("waiting", Date.now() + pause);
  }

  #look() {
    const silence = Date.now() - this.#heard;
    if (silence > ASK_AFTER + ANSWER_WITHIN) this.#wait();
    else if (silence > ASK_AFTER) this.send({ kind: "ping", text: "watch" });
  }
}

// A line of the room as an object; null for the lines before it speaks JSON.
function parse(line) {
  if (typeof line !== "string" || !line.startsWith("{")) return null;
  try {
    const message = JSON.parse(line);
    return typeof message?.kind === "string" ? message : null;
  } catch {
    return null;
  }
}
