// What is measured inside the page and about processes.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/**
 * Runs in the page before its own scripts: `probe` calls the program by the page's own link, and
 * tells when something was painted. A frame counts as painted when the browser has gone on to the
 * task behind it.
 */
export function install() {
  // Far above the numbers that the page gives its own calls.
  let id = 1e9;
  const waiting = new Map();
  const rowAt = (i) => document.querySelector(`[role="grid"] [data-i="${i}"]`);
  const textOf = (row) => row?.querySelector('.text')?.textContent ?? '';
  const bytesOf = (line) => [...(line?.querySelectorAll('.byte') ?? [])].map((byte) => byte.textContent).join('');
  const probe = {
    socket: null,
    views: [],
    sessions: [],
    /** The row that was clicked or asked for. */
    wanted: null,

    call(op, args = {}) {
      id += 1;
      probe.socket.send(JSON.stringify({ id, op, with: args }));
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    },

    conditions: {
      /** Rows are there where the list stands, all of them. */
      filled: () => {
        const rows = [...document.querySelectorAll('[role="grid"] [data-i]')];
        return rows.length > 0 && rows.every((row) => row.querySelector('.time'));
      },
      /** A row is there and is the active one. */
      row: (i) => rowAt(i)?.classList.contains('active') && rowAt(i).querySelector('.time') !== null && probe.conditions.filled(),
      /** The same of the last row of the view. */
      last: () => probe.conditions.row(probe.views[0].first + probe.views[0].total - 1),
      /** The row that was pressed is the active one, and the detail shows its bytes. */
      detail: () => {
        const row = document.querySelector('[role="grid"] .active[data-i]');
        const text = textOf(row);
        const first = bytesOf(document.querySelector('.detail .hex .line'));
        const read = (first.match(/../g) ?? []).map((hex) => String.fromCharCode(Number.parseInt(hex, 16))).join('');
        return text.slice(0, 10) === probe.wanted && read.startsWith(probe.wanted);
      },
      /** A message of so many bytes is shown, with a preview. */
      large: (unit) => [...document.querySelectorAll('[role="grid"] [data-i]')].some((row) => row.querySelector('.len')?.textContent.includes(unit) && textOf(row).length > 20),
      /** The hex view shows these bytes at its end. */
      bytes: (hex) => document.querySelector('.detail .hex .line') !== null && [...document.querySelectorAll('.detail .hex .line')].map(bytesOf).join('').toLowerCase().endsWith(hex),
      /** Somebody can work with it. */
      ready: () => document.querySelector('main button') !== null,
    },

    painted(name, arg, ms = 30_000) {
      const until = performance.now() + ms;
      return new Promise((resolve, reject) => {
        const frame = () => {
          if (probe.conditions[name](arg)) {
            const { port1, port2 } = new MessageChannel();
            port2.onmessage = () => resolve(performance.now());
            port1.postMessage(0);
          } else if (performance.now() > until) reject(new Error(`${name} ${arg} was not seen within ${ms} ms`));
          else requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      });
    },

    /** Arms a stop-watch that an event starts and a painted condition stops. */
    arm(event, name, arg) {
      probe.result = new Promise((resolve, reject) => {
        const start = (what) => {
          if (event === 'pointerdown') probe.wanted = textOf(what.target.closest('[data-i]')).slice(0, 10);
          probe.painted(name, arg, 10_000).then((at) => resolve(at - what.timeStamp), reject);
        };
        addEventListener(event, start, { capture: true, once: true });
      });
      probe.result.catch(() => {});
    },
  };
  window.probe = probe;
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      probe.socket = this;
      this.addEventListener('message', ({ data }) => {
        const told = JSON.parse(data);
        if (told.news === 'views') probe.views = told.is;
        if (told.news === 'sessions') probe.sessions = told.is;
        const one = waiting.get(told.id);
        if (!one) return;
        waiting.delete(told.id);
        if (told.error) one.reject(new Error(told.error.message));
        else one.resolve(told.ok);
      });
    }
  };
}

/** In bytes: what a process has in memory now, and at the most. */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return { now: of('VmRSS'), most: of('VmHWM') };
}

/** In bytes: files that a process holds and that have no name. */
export function namelessFiles(pid) {
  let sum = 0;
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`;
    try {
      if (readlinkSync(path).endsWith('(deleted)')) sum += statSync(path).blocks * 512;
    } catch {
      // It was closed meanwhile.
    }
  }
  return sum;
}

/** In seconds: the processor's time of each thread, by its name. */
export function threads(pid) {
  const times = {};
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    times[name] = (times[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  return times;
}

/** The processes that came of one, as far as their names begin so. */
export function descendants(pid, name) {
  const all = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const parents = new Map();
  const names = new Map();
  for (const one of all) {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
      names.set(Number(one), stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')));
      parents.set(Number(one), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const isOurs = (one) => one === pid || (parents.has(one) && isOurs(parents.get(one)));
  return [...parents.keys()].filter((one) => one !== pid && isOurs(one) && names.get(one).startsWith(name));
}
