// Traffic for the measurements, made in a thread of its own so that it does not wait for the browser's answers.
import { connect } from 'node:net';
import { once } from 'node:events';
import { parentPort, Worker, isMainThread, workerData } from 'node:worker_threads';

const MESSAGE_LEN = 64;
const BATCH = 1024;
const PIECE = 1024 * 1024;

/** In bytes: what an echo may owe us. */
const WINDOW = 256 * 1024;

/** What the last bytes of the large message are, so that they are known when they are seen. */
export const LAST_BYTES = 'c0ffee00c0ffee11c0ffee22c0ffee33';

/** A peer of a session. */
export class Load {
  #worker;

  constructor(port) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { port } });
    this.#worker.unref();
  }

  /** As many numbered lines as fast as they are taken. */
  burst(count) {
    return this.#do({ kind: 'burst', count });
  }

  /** So many numbered lines a second, each written by itself. */
  rate(rate, seconds) {
    return this.#do({ kind: 'rate', rate, seconds });
  }

  /** Lines that are answered with themselves, as fast as the answers come. */
  echo(seconds) {
    return this.#do({ kind: 'echo', seconds });
  }

  /** One message behind its length in four bytes. */
  large(len) {
    return this.#do({ kind: 'large', len });
  }

  async end() {
    await this.#worker.terminate();
  }

  async #do(what) {
    this.#worker.ref();
    this.#worker.postMessage(what);
    const [result] = await once(this.#worker, 'message');
    this.#worker.unref();
    return result;
  }
}

function line(n) {
  return `${String(n).padStart(10, '0')} `.padEnd(MESSAGE_LEN - 1, 'the quick brown fox ') + '\n';
}

function lines(from, count) {
  let text = '';
  for (let n = from; n < from + count; n += 1) text += line(n);
  return text;
}

async function write(socket, bytes) {
  if (!socket.write(bytes)) await once(socket, 'drain');
}

/** Ends when the system has taken the last byte. */
function writeLast(socket, bytes) {
  return new Promise((resolve) => socket.write(bytes, resolve));
}

const KINDS = {
  async burst(socket, { count }) {
    const began = performance.now();
    for (let n = 0; n < count; n += BATCH) await write(socket, lines(n, Math.min(BATCH, count - n)));
    return { sent: count, ms: performance.now() - began };
  },

  async rate(socket, { rate, seconds }) {
    const began = performance.now();
    const count = rate * seconds;
    let sent = 0;
    let latest = 0;
    while (sent < count) {
      const due = Math.min(count, Math.floor(((performance.now() - began) * rate) / 1000));
      latest = Math.max(latest, due - sent);
      while (sent < due) {
        if (!socket.write(line(sent))) await once(socket, 'drain');
        sent += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return { sent, ms: performance.now() - began, mostAtOnce: latest };
  },

  async echo(socket, { seconds }) {
    const block = lines(0, BATCH);
    let answered = 0;
    let owed = 0;
    const began = performance.now();
    const until = began + seconds * 1000;
    const ended = new Promise((resolve) => {
      const go = () => {
        while (owed < WINDOW && performance.now() < until) {
          socket.write(block);
          owed += block.length;
        }
        if (owed === 0) resolve();
      };
      socket.on('data', (bytes) => {
        answered += bytes.length;
        owed -= bytes.length;
        go();
      });
      go();
    });
    await ended;
    socket.removeAllListeners('data');
    const ms = performance.now() - began;
    return { rate: (answered / MESSAGE_LEN / ms) * 1000 };
  },

  async large(socket, { len }) {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(len);
    await write(socket, header);
    const piece = Buffer.from('a line of the large message, 64 bytes long with its end of line\n'.repeat(PIECE / 64));
    const last = Buffer.from(LAST_BYTES, 'hex');
    const began = performance.now();
    let left = len - last.length;
    while (left > 0) {
      await write(socket, piece.subarray(0, Math.min(left, piece.length)));
      left -= Math.min(left, piece.length);
    }
    await writeLast(socket, last);
    return { ms: performance.now() - began, at: Date.now() };
  },
};

if (!isMainThread) {
  const socket = connect({ host: '127.0.0.1', port: workerData.port, noDelay: true });
  const connected = once(socket, 'connect');
  parentPort.on('message', async (what) => {
    await connected;
    parentPort.postMessage(await KINDS[what.kind](socket, what));
  });
}
