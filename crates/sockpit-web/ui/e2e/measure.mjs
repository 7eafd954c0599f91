// Measures the workbench: the real program, a real session with traffic of its own, a real browser.
//
//   cargo build --release && node e2e/measure.mjs [rows rate large stopped start] [--json] [--seconds N]
//
// It exits with 1 where a target is missed. docs/benchmarks.md has what it gave, and where.
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LAST_BYTES, Load } from './measure/load.mjs';
import * as probe from './measure/probe.mjs';

// Each workbench and its browser are ended with this process.
process.setMaxListeners(100);

const ROOT = join(import.meta.dirname, '../../../..');
process.env.SOCKPIT_BINARY ??= join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'release/sockpit');
const { BINARY, browser, end, open, workbench } = await import('./program.mjs');

const ROWS = 1_000_000;
const JUMPS = 15;
const NEW_ROWS = 100;
const RATE = 20_000;
const CLICK_EVERY_MS = 500;
const HOLD_MS = 60;
const SAMPLE_EVERY_MS = 1000;
const LARGE = 256 * 1024 * 1024;
const PAIRS = 7;
const PAIR_SECONDS = 2;
const STARTS = 9;
const MIB = 1024 * 1024;

const median = (values) => quantile(values, 0.5);
const worst = (values) => Math.max(...values);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

const results = [];

/** Notes what was measured; `limit` is `['<', 100]` or `['>=', 0.95]`. */
function tell(bench, what, value, unit, limit) {
  const isMet = limit && (limit[0] === '<' ? value < limit[1] : value >= limit[1]);
  results.push({ bench, what, value, unit, target: limit?.join(' '), isMet });
  if (!args.json) process.stderr.write('.');
}

/** A page of a workbench with an open server in front, its timeline being looked at. */
class Stage {
  static async set(options, rules = '') {
    const stage = new Stage(await workbench());
    await stage.look();
    const session = { name: 'measured', role: 'server', endpoint: 'tcp://127.0.0.1:0', options, rules };
    const { key } = await stage.call('session.create', session);
    const { local } = await stage.call('session.open', { key });
    stage.key = key;
    stage.port = Number(/:(\d+)$/.exec(local[0])[1]);
    await stage.show();
    return stage;
  }

  constructor(bench) {
    this.bench = bench;
    this.pid = bench.child.pid;
  }

  /** Opens a browser with the page. */
  async look() {
    this.chrome = await browser();
    this.page = await open(this.chrome, this.bench, { script: probe.install });
    await this.page.locator('main button').first().waitFor();
    this.cdp = await this.page.context().newCDPSession(this.page);
    await this.cdp.send('Performance.enable');
    if (this.key) await this.show();
  }

  async lookAway() {
    await this.chrome.close();
  }

  async show() {
    await this.page.evaluate((key) => (location.hash = `#/sessions/${encodeURIComponent(key)}/timeline`), this.key);
    await this.page.waitForFunction(() => window.probe.views.length > 0);
    await this.page.locator('[role="grid"] [data-i]').first().waitFor();
  }

  call(op, args) {
    return this.page.evaluate(([op, args]) => window.probe.call(op, args), [op, args]);
  }

  view() {
    return this.page.evaluate(() => window.probe.views[0]);
  }

  /** How long from an event that `act` makes until something is painted, in milliseconds. */
  async timed(event, condition, arg, act) {
    await this.page.evaluate(([event, condition, arg]) => window.probe.arm(event, condition, arg), [event, condition, arg]);
    await act();
    return this.page.evaluate(() => window.probe.result);
  }

  async messages() {
    const { view } = await this.view();
    const { messages } = await this.call('view.stats', { view });
    return messages.in;
  }

  /** Waits until the history has so many messages, or no more come. */
  async settled(count) {
    for (let before = -1, still = 0; ; await sleep(100)) {
      const messages = await this.messages();
      still = messages === before ? still + 1 : 0;
      if (messages >= count || still > 30) return messages;
      before = messages;
    }
  }

  async heap() {
    const { metrics } = await this.cdp.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
  }

  async end() {
    await this.chrome.close();
    await end(this.bench.child);
  }
}

async function rows() {
  const stage = await Stage.set({ frame: 'lines' });
  const before = probe.memory(stage.pid).now;
  const load = new Load(stage.port);
  const fed = await load.burst(ROWS);
  const messages = await stage.settled(ROWS);
  const { total, first, lost } = await stage.view();
  tell('rows', 'messages sent', fed.sent, '');
  tell('rows', 'messages in the timeline', messages, '');
  tell('rows', 'rows; forgotten in front; events lost', `${total}; ${first}; ${lost}`, '');
  tell('rows', 'program grew by', (probe.memory(stage.pid).now - before) / MIB, 'MiB');
  const times = { G: [], End: [], scroll: [] };
  let { sent } = fed;
  const timeline = stage.page.locator('[role="grid"]').first();
  for (const key of ['G', 'End']) {
    for (let i = 0; i < JUMPS; i += 1) {
      await stage.timed('keydown', 'row', first, () => stage.page.keyboard.press('g'));
      // The page has seen none of the last rows yet.
      sent += (await load.burst(NEW_ROWS)).sent;
      await stage.settled(sent);
      if (key === 'End') await timeline.locator('.active').focus();
      times[key].push(await stage.timed('keydown', 'last', null, () => stage.page.keyboard.press(key)));
    }
  }
  for (let i = 0; i < JUMPS; i += 1) times.scroll.push(await stage.page.evaluate(scrollSomewhere, (i * 0.618) % 1));
  tell('rows', 'jump to end (G), median', median(times.G), 'ms', ['<', 100]);
  tell('rows', 'jump to end (G), worst', worst(times.G), 'ms');
  tell('rows', 'jump to end (End), median', median(times.End), 'ms', ['<', 100]);
  tell('rows', 'jump to end (End), worst', worst(times.End), 'ms');
  tell('rows', 'scroll anywhere, median', median(times.scroll), 'ms', ['<', 100]);
  tell('rows', 'scroll anywhere, worst', worst(times.scroll), 'ms');
  tell('rows', 'tab heap', (await stage.heap()) / MIB, 'MiB');
  await load.end();
  await stage.end();
}

/** Runs in the page: takes the scroll bar to a part of its way. */
async function scrollSomewhere(part) {
  const bar = document.querySelector('[role="grid"] .bar');
  const first = () => document.querySelector('[role="grid"] [data-i]')?.dataset.i;
  const before = first();
  const began = performance.now();
  bar.scrollTop = part * (bar.scrollHeight - bar.clientHeight);
  window.probe.conditions.elsewhere = () => first() !== before && window.probe.conditions.filled();
  return (await window.probe.painted('elsewhere')) - began;
}

async function rate() {
  const seconds = Number(args.seconds);
  const stage = await Stage.set({ frame: 'lines' });
  const load = new Load(stage.port);
  const before = probe.threads(stage.pid);
  const memory = probe.memory(stage.pid).now;
  const chromium = probe.descendants(process.pid, 'chrom');
  const spentBefore = chromium.map((pid) => spentBy(pid));
  let isOver = false;
  const feeding = load.rate(RATE, seconds).finally(() => (isOver = true));
  const clicks = [];
  const heaps = [];
  const sampling = (async () => {
    for (; !isOver; await sleep(SAMPLE_EVERY_MS)) heaps.push(await stage.heap());
  })();
  let missed = 0;
  await stage.page.waitForFunction(() => window.probe.conditions.filled());
  const box = await stage.page.locator('[role="grid"] .bar').first().boundingBox();
  for (let i = 0; !isOver; i += 1) {
    const act = async () => {
      await stage.page.mouse.move(box.x + 250, box.y + 40 + ((i * 97) % (box.height - 80)));
      await stage.page.mouse.down();
      await sleep(HOLD_MS);
      await stage.page.mouse.up();
    };
    try {
      clicks.push(await stage.timed('pointerdown', 'detail', null, act));
    } catch (error) {
      missed += 1;
      if (args.verbose) console.error(String(error));
    }
    // The list stands still once a row is chosen; it follows again.
    await stage.page.keyboard.press('f');
    await sleep(CLICK_EVERY_MS);
  }
  const fed = await feeding;
  await sampling;
  const messages = await stage.settled(fed.sent);
  const { total, first, lost } = await stage.view();
  const told = await stage.page.evaluate((key) => window.probe.sessions.find((one) => one.key === key), stage.key);
  await stage.cdp.send('HeapProfiler.collectGarbage');
  const after = await stage.heap();
  const times = probe.threads(stage.pid);
  const spentAfter = chromium.map((pid) => spentBy(pid));
  const renderers = probe.descendants(process.pid, 'chrom').map((pid) => probe.memory(pid));
  tell('rate', `messages sent, ${RATE} a second for ${seconds} s`, fed.sent, '');
  tell('rate', 'sent in', fed.ms / 1000, 's');
  tell('rate', 'most that were late, sent at once', fed.mostAtOnce, '');
  tell('rate', 'bytes that the session received / sent', told.received / (fed.sent * 64), '');
  tell('rate', 'messages in the timeline', messages, '');
  tell('rate', 'rows; forgotten in front; events lost', `${total}; ${first}; ${lost}`, '');
  tell('rate', 'messages neither shown nor told as lost', lost > 0 ? 0 : fed.sent - messages, '', ['<', 1]);
  tell('rate', `click to select, median of ${clicks.length}`, median(clicks), 'ms');
  tell('rate', 'click to select, 95 %', quantile(clicks, 0.95), 'ms', ['<', 100]);
  tell('rate', 'click to select, worst', worst(clicks), 'ms');
  tell('rate', 'clicks that selected nothing', missed, '', ['<', 1]);
  tell('rate', 'tab heap after a collection', after / MIB, 'MiB', ['<', 300]);
  tell('rate', 'tab heap at its most', worst(heaps) / MIB, 'MiB', ['<', 300]);
  tell('rate', 'memory of the largest process of the browser', worst(renderers.map(({ now }) => now)) / MIB, 'MiB');
  tell('rate', 'program grew by', (probe.memory(stage.pid).now - memory) / MIB, 'MiB');
  for (const [name, time] of Object.entries(times)) {
    const used = (time - (before[name] ?? 0)) / (fed.ms / 1000);
    if (used >= 0.005) tell('rate', `processor, thread ${name}`, used * 100, '%');
  }
  const browsing = spentAfter.reduce((sum, time, i) => sum + time - spentBefore[i], 0);
  tell('rate', 'processor, browser in all', (browsing / (fed.ms / 1000)) * 100, '%');
  await load.end();
  await stage.end();
}

/** In seconds: the processor's time of a process, or of its threads of a name. */
function spentBy(pid, name) {
  const threads = Object.entries(probe.threads(pid));
  return threads.reduce((sum, [is, time]) => sum + (name === undefined || is === name ? time : 0), 0);
}

async function large() {
  const stage = await Stage.set({ frame: 'len:u32be', 'max-frame': '512MiB' });
  const before = probe.memory(stage.pid).now;
  const load = new Load(stage.port);
  const painted = stage.page.evaluate(() => window.probe.painted('large', '256', 120_000).then(() => Date.now()));
  const fed = await load.large(LARGE);
  tell('large', 'sent in', fed.ms, 'ms');
  tell('large', 'last byte sent to row painted', (await painted) - fed.at, 'ms', ['<', 1000]);
  const memory = probe.memory(stage.pid);
  tell('large', 'program grew by', (memory.now - before) / MIB, 'MiB');
  tell('large', 'program grew at its most by', (memory.most - before) / MIB, 'MiB');
  tell('large', 'file for what does not fit into memory', probe.namelessFiles(stage.pid) / MIB, 'MiB');
  const shown = await stage.timed('keydown', 'row', (await stage.view()).total - 1, () => stage.page.keyboard.press('G'));
  tell('large', 'row selected', shown, 'ms');
  const opened = await stage.timed('keydown', 'bytes', '', () => stage.page.keyboard.press('Enter'));
  tell('large', 'its detail', opened, 'ms');
  await stage.page.locator('.detail .hex .bar').focus();
  const last = await stage.timed('keydown', 'bytes', LAST_BYTES, () => stage.page.keyboard.press('End'));
  tell('large', 'its last bytes', last, 'ms', ['<', 1000]);
  tell('large', 'tab heap', (await stage.heap()) / MIB, 'MiB');
  await load.end();
  await stage.end();
}

const ECHO = `[[rule]]
any = true
echo = true
`;

async function stopped() {
  const stage = await Stage.set({ frame: 'lines' }, ECHO);
  const measure = async () => {
    const load = new Load(stage.port);
    const before = spentBy(stage.pid, 'sockpit-shard');
    const { rate } = await load.echo(PAIR_SECONDS);
    const cost = ((spentBy(stage.pid, 'sockpit-shard') - before) / (rate * PAIR_SECONDS)) * 1e6;
    await load.end();
    if (args.verbose) console.error(Math.round(rate), cost.toFixed(2), loadavg()[0]);
    return { rate, cost };
  };
  // Until the history is full, so that all rounds are alike.
  for (let i = 0; i < 3; i += 1) await measure();
  const pairs = [];
  const alone = async () => {
    await stage.lookAway();
    return measure();
  };
  const looked = async () => {
    await stage.look();
    const running = await measure();
    const pids = probe.descendants(process.pid, 'chrom');
    const goOn = () => pids.forEach((pid) => process.kill(pid, 'SIGCONT'));
    process.once('exit', goOn);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const held = await measure();
    process.off('exit', goOn);
    goOn();
    return { running, held };
  };
  for (let i = 0; i < PAIRS; i += 1) {
    // Without a page before and after, so that a change of the machine is in both.
    const before = await alone();
    const { running, held } = await looked();
    const after = await alone();
    const absent = { rate: (before.rate + after.rate) / 2, cost: (before.cost + after.cost) / 2 };
    pairs.push({ running, held, absent });
    await stage.look();
  }
  const of = (name, what) => median(pairs.map((pair) => pair[name][what]));
  const ratio = (name, what) => median(pairs.map((pair) => pair[name][what] / pair.absent[what]));
  tell('stopped', 'messages a second, no page, median', of('absent', 'rate'), '');
  tell('stopped', 'page running, median', of('running', 'rate'), '');
  tell('stopped', 'page stopped, median', of('held', 'rate'), '');
  tell('stopped', 'running / absent, median', ratio('running', 'rate'), '');
  tell('stopped', 'stopped / absent, median', ratio('held', 'rate'), '', ['>=', 0.95]);
  tell('stopped', "the shard's processor time for a message, no page, median", of('absent', 'cost'), 'µs');
  tell('stopped', 'the same, running / absent', ratio('running', 'cost'), '');
  tell('stopped', 'the same, stopped / absent', ratio('held', 'cost'), '');
  await stage.end();
}

async function start() {
  const chrome = await browser();
  const times = { url: [], paint: [], ready: [], all: [] };
  for (let i = 0; i < STARTS; i += 1) {
    const context = await chrome.newContext({ viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    await page.addInitScript(probe.install);
    const began = Date.now();
    const bench = await workbench();
    times.url.push(bench.startMs);
    await page.goto(bench.url, { waitUntil: 'commit' });
    const seen = await page.evaluate(async () => {
      const ready = await window.probe.painted('ready');
      const entry = () => performance.getEntriesByName('first-contentful-paint')[0];
      // It is told a little after it was painted.
      while (!entry()) await new Promise((resolve) => setTimeout(resolve, 5));
      const paint = entry().startTime;
      return { paint, ready, at: performance.timeOrigin + paint };
    });
    times.paint.push(seen.paint);
    times.ready.push(seen.ready);
    times.all.push(seen.at - began);
    await context.close();
    await end(bench.child);
  }
  const of = `of ${STARTS}`;
  tell('start', `process to URL, median ${of}`, median(times.url), 'ms');
  tell('start', 'navigation to first contentful paint, median', median(times.paint), 'ms', ['<', 300]);
  tell('start', 'the same, worst', worst(times.paint), 'ms');
  tell('start', 'navigation to controls painted, median', median(times.ready), 'ms');
  tell('start', 'process to first contentful paint, in all, median', median(times.all), 'ms');
  await chrome.close();
}

function table() {
  const say = (value) => (typeof value === 'number' ? (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 0)) : value);
  let text = '';
  for (const name of new Set(results.map(({ bench }) => bench))) {
    text += `\n### ${name}\n\n| | measured | target | met |\n|---|--:|---|---|\n`;
    for (const { bench, what, value, unit, target, isMet } of results) {
      if (bench !== name) continue;
      text += `| ${what} | ${say(value)}${unit ? ` ${unit}` : ''} | ${target ?? ''} | ${isMet === undefined ? '' : isMet ? 'yes' : '**no**'} |\n`;
    }
  }
  return text;
}

// Whoever is ended leaves nothing behind: see `exit`.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const BENCHES = { start, rows, large, rate, stopped };

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, verbose: { type: 'boolean' }, seconds: { type: 'string', default: '60' } },
});
const machine = { processors: cpus().length, model: cpus()[0]?.model, node: process.version, binary: BINARY };
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  if (!BENCHES[name]) throw new Error(`there is no measurement ${name}: ${Object.keys(BENCHES).join(' ')}`);
  tell(name, 'load average before', loadavg()[0], '');
  await BENCHES[name]();
}
if (args.json) console.log(JSON.stringify({ machine, results }, null, 1));
else console.log(`\n${JSON.stringify(machine)}\n${table()}`);
process.exit(results.some(({ isMet }) => isMet === false) ? 1 : 0);
