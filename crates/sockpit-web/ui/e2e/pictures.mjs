// Takes the pictures of docs/picture/workbench-*.png: the real program, real peers, both languages.
//
//   node e2e/pictures.mjs [NAME …]      such as `timeline ladder`; without a name, all of them
//
// It runs itself in a network of its own (unshare), so that the ports are those of the pictures, nothing of
// this machine is seen, and packets can be captured without being root. SOCKPIT_BINARY and SOCKPIT_PAGE are
// as in program.mjs; PICTURES names another folder.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { small } from './png.mjs';
import { browser, end, folder, open, start, workbench, BINARY } from './program.mjs';

const ROOT = join(import.meta.dirname, '../../../..');
const FOLDER = process.env.PICTURES ?? join(ROOT, 'docs/picture');
const STRINGS = join(ROOT, 'crates/sockpit-core/src/strings');
const MOST = 150_000;
/** How long all of it may take. */
const WITHIN = 240_000;
const LANGUAGES = { en: '', zh: '.zh-CN' };
const WORDS = { en: parse(readFileSync(join(STRINGS, 'page.en.toml'), 'utf8')), zh: parse(readFileSync(join(STRINGS, 'page.zh-CN.toml'), 'utf8')) };

if (!process.env.SOCKPIT_PICTURES_INSIDE) {
  const again = ['--kill-child', '--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', again, { stdio: 'inherit', timeout: WITHIN + 5000, env: { ...process.env, SOCKPIT_PICTURES_INSIDE: '1' } });
  process.exit(status ?? 1);
}

// What is in the project folder.

const PROJECT = {
  'gateway.toml': `[[session]]
name = "gateway"
listen = "tcp://127.0.0.1:7000"
frame = "lines"
text = "gbk"
wire = "1"

[[session.rule]]
name = "login"
regex = '^login (?<who>\\S+)$'
reply = "welcome \${who}, you are peer \${peer}"

[[session.rule]]
name = "温度"
contains = "温度"
reply = "温度 \${random:18-26} ℃"
delay = "20ms"

[[session.rule]]
name = "alarm"
regex = '"temp":(?<temp>[3-9]\\d)'
reply = "ALARM \${temp}"
`,
  'meter.toml': `[[session]]
name = "meter"
connect = "tcp://127.0.0.1:5020"
`,
  'small reads.toml': `[[session]]
name = "small reads"
listen = "tcp://127.0.0.1:7001"
frame = "lines"
read-size = 16
wire = "1"
`,
  'fast.toml': `[[session]]
name = "fast"
connect = "tcp://127.0.0.1:7002"
frame = "lines"
wire = "1"
`,
};

// What makes it a talk.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const GBK = { 读: 'b6c1', 取: 'c8a1', 温: 'cec2', 度: 'b6c8' };
const gbk = (text) => Buffer.concat([...text].map((sign) => (GBK[sign] ? Buffer.from(GBK[sign], 'hex') : Buffer.from(sign))));

/** A peer of one of the servers; `say` waits for the answer where there is one to wait for. */
async function peer(port) {
  const link = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => link.once('connect', resolve).once('error', reject));
  link.on('error', () => {});
  return {
    link,
    say: (what) => link.write(typeof what === 'string' ? gbk(what) : what),
    async ask(what) {
      const heard = new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`no answer to ${what}`)), 5000).unref();
        link.once('data', resolve);
      });
      link.write(gbk(what));
      await heard;
    },
  };
}

/** A Modbus RTU slave at a TCP port: two registers, whatever is asked. */
function slave(port) {
  const answer = Buffer.from('0103040106ffd8bbb1', 'hex');
  const server = createServer((link) => link.on('data', () => link.write(answer)).on('error', () => {}));
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

/** Answers lines in bursts, so that the graphs have hills. */
function hills(port) {
  const server = createServer((link) => {
    let beat = 0;
    const timer = setInterval(() => {
      const lines = Math.round(6 + 5 * Math.sin(beat / 14) + 3 * Math.sin(beat / 3));
      for (let line = 0; line < lines; line++) link.write(`{"beat":${beat},"temp":${(21.5 + 3 * Math.sin(beat / 20)).toFixed(1)}}\n`);
      beat += 1;
    }, 50);
    link.on('data', () => {}).on('error', () => {}).on('close', () => clearInterval(timer));
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

// What a hand does. `w` gives a word of the page in its language.

function words(lang) {
  return (key) => {
    const [area, name] = key.split('.');
    const word = WORDS[lang][area][name];
    if (typeof word !== 'string') throw new Error(`no word ${key}`);
    return word;
  };
}

const go = async (page, path) => {
  await page.evaluate((hash) => (location.hash = hash), `#/${path}`);
};
const session = (name, tab = 'timeline') => `sessions/${encodeURIComponent(name)}/${tab}`;
const row = (page, text) => page.getByRole('grid').getByRole('row').filter({ hasText: text }).last();

async function openSession(page, w, name) {
  await go(page, session(name));
  await page.getByRole('button', { name: w('sessions.open-now'), exact: true }).click();
  // The button says so while it opens, too.
  await page.locator('.state .open').waitFor();
}

/** The timeline of a session, without the notes. */
async function messages(page, w, name) {
  await go(page, session(name));
  await page.getByRole('grid').getByRole('row').nth(3).waitFor();
  await page.getByRole('combobox', { name: w('timeline.filter'), exact: true }).fill('not note');
  await page.keyboard.press('Enter');
  await page.locator('.kind-note').first().waitFor({ state: 'detached' });
  await page.locator('.counters .in').waitFor();
}

/** Makes what most of the pictures show. */
async function prepare(page) {
  const w = words('en');
  await slave(5020);
  await hills(7002);
  await openSession(page, w, 'fast');
  await openSession(page, w, 'gateway');

  const first = await peer(7000);
  await first.ask('login pump-1\r\n');
  const second = await peer(7000);
  await second.ask('login pump-2\r\n');
  await second.ask('读取 温度\r\n');
  // Two messages in one write, then one in three.
  first.say('{"id":1,"temp":21.5,"state":"run"}\r\n{"id":1,"temp":21.7,"state":"run"}\r\n');
  await pause(40);
  second.say('{"id":2,"te');
  await pause(30);
  second.say('mp":19.');
  await pause(30);
  second.say('2,"state":"idle"}\r\n');
  await second.ask('读取 温度\r\n');
  first.say('{"id":1,"temp":24.0,"state":"run"}\r\n');
  await pause(60);
  await first.ask('{"id":1,"temp":41.5,"state":"hot"}\r\n');
  await first.ask('读取 温度\r\n');
  second.link.end();

  await openSession(page, w, 'small reads');
  const hasty = await peer(7001);
  hasty.say('temp 21.5\ntemp 21.6\ntemp 21.7\n');
  await pause(60);
  hasty.say('a message that no read of 16 bytes can hold\nok\n');
  await pause(60);
  hasty.say('pr');
  await pause(60);
  hasty.say('essure 1013\n');
  hasty.say('temp 21.8\n');
  hasty.say('temp 21.9\n');
  await pause(60);

  await openSession(page, w, 'meter');
}

/** A room, and what is said in it. */
async function talk(page) {
  const w = words('en');
  await go(page, 'rooms');
  await page.getByRole('button', { name: w('rooms.serve'), exact: true }).first().click();
  const serve = page.getByRole('dialog');
  await serve.getByLabel(w('rooms.endpoint')).fill('tcp://127.0.0.1:7100');
  await serve.getByLabel(w('rooms.topic')).fill('Lab 3');
  await serve.getByRole('button', { name: w('rooms.serve'), exact: true }).click();
  await serve.waitFor({ state: 'hidden' });
  const guests = {};
  for (const nick of ['li', 'build-bot', '小王']) {
    guests[nick] = connect({ port: 7100, host: '127.0.0.1' });
    guests[nick].on('error', () => {}).resume();
    await pause(500);
    guests[nick].write(`${nick}\n`);
    await pause(100);
  }
  await page.getByRole('button', { name: w('rooms.join'), exact: true }).first().click();
  const join = page.getByRole('dialog');
  await join.getByLabel(w('rooms.endpoint')).fill('tcp://127.0.0.1:7100');
  await join.getByLabel(w('rooms.nick')).fill('anna');
  await join.getByRole('button', { name: w('rooms.join'), exact: true }).click();
  await join.waitFor({ state: 'hidden' });
  const say = page.getByLabel(w('rooms.say'), { exact: true });
  await say.waitFor();
  const said = [
    ['li', 'does the gateway answer?'],
    ['anna', 'it does, with ALARM from 30 ℃ on'],
    ['小王', '收到，我这边也看到了'],
    ['build-bot', 'gateway 0.4.1 is green'],
    ['anna', '/me looks at the ladder'],
    ['li', 'anna: thank you'],
  ];
  for (const [who, what] of said) {
    if (who === 'anna') {
      await say.fill(what);
      await say.press('Enter');
    } else guests[who].write(`${what}\n`);
    await pause(250);
  }
}

/** A drone that is not there, and a flight. */
async function fly(page) {
  const w = words('en');
  await go(page, 'drones');
  const simulate = page.getByRole('form', { name: w('drones.simulate') });
  await simulate.getByRole('button', { name: w('drones.begin') }).click();
  await page.getByRole('button', { name: w('drones.fly-it') }).click();
  const real = page.getByRole('article').filter({ hasText: w('drones.takeoff') });
  await real.getByRole('button', { name: w('drones.takeoff') }).click();
  const command = real.getByLabel(w('drones.command'), { exact: true });
  const answers = async (count) => {
    await page.waitForFunction(
      ([n]) => [...document.querySelectorAll('article')].some((card) => (card.querySelector('[role=log]')?.textContent.match(/\bok\b/g) ?? []).length >= n),
      [count],
      { timeout: 30_000 },
    );
  };
  let told = 2;
  await answers(told);
  for (const order of ['forward 150', 'cw 90', 'forward 100', 'curve 60 60 0 120 0 0 40', 'up 50']) {
    await command.fill(order);
    await command.press('Enter');
    told += 1;
    await answers(told);
  }
}

// The pictures.

const PICTURES = {
  /** The main one: sessions, rows, a message taken apart, the sending area. */
  async timeline({ page, w }) {
    await messages(page, w, 'gateway');
    await row(page, '"temp":41.5').click();
    await page.getByRole('region', { name: w('timeline.detail') }).getByText('temp').first().waitFor();
    await page.getByLabel(w('composer.text'), { exact: true }).fill('读取 温度');
    await page.getByText('B6 C1').first().waitFor();
  },
  async composer({ page, w, lang }) {
    await go(page, session('meter'));
    await page.getByLabel(w('timeline.as'), { exact: true }).selectOption('both');
    await page.getByLabel(w('composer.hex'), { exact: true }).fill('01 03 00 00 00 02');
    await page.getByRole('button', { name: new RegExp(`^${w('composer.checksum').replace('{which}', '')}`) }).click();
    const panel = page.getByRole('dialog', { name: w('composer.checksum-title') });
    await panel.getByLabel(w('composer.algorithm')).selectOption('modbus');
    await page.getByText('C4 0B').first().waitFor();
    if (lang === 'en') {
      await page.keyboard.press('Escape');
      for (let time = 0; time < 3; time++) {
        await page.getByTitle(w('composer.send-tip'), { exact: true }).click();
        await pause(150);
      }
      await page.getByRole('button', { name: new RegExp(`^${w('composer.checksum').replace('{which}', '')}`) }).click();
    }
  },
  async ladder({ page, w }) {
    await go(page, session('gateway', 'wire'));
    await page.getByRole('tab', { name: w('wire.ladder') }).click();
    await page.locator('.wire select').filter({ has: page.locator('option[value="2"]') }).selectOption('2');
    await page.getByRole('listbox', { name: w('wire.ladder') }).getByRole('option').first().waitFor();
    await page.keyboard.press('g');
    await pause(300);
  },
  async lens({ page, w }) {
    await go(page, session('small reads', 'wire'));
    await page.getByRole('tab', { name: w('wire.lens') }).click();
    for (let time = 0; time < 2; time++) await page.getByRole('button', { name: w('wire.zoom-in') }).click();
    await page.getByRole('button', { name: w('wire.pan-left') }).click();
    for (let time = 0; time < 2; time++) await page.getByRole('button', { name: w('wire.next-piece') }).click();
    await pause(300);
  },
  async graphs({ page, w }) {
    await go(page, session('fast', 'wire'));
    await page.getByRole('tab', { name: w('wire.graphs') }).click();
    await pause(2500);
  },
  async rules({ page, w }) {
    await go(page, session('gateway', 'rules'));
    await page.getByRole('textbox', { name: w('rules.try-message'), exact: true }).fill('login 小王');
    await page.getByText('welcome 小王').first().waitFor();
  },
  async ports({ page, w }) {
    await go(page, 'ports');
    await page.getByRole('region', { name: w('ports.list') }).getByText('7000').first().waitFor();
  },
  async rooms({ page, w }) {
    await go(page, 'rooms');
    await page.getByRole('navigation', { name: w('rooms.list') }).getByText('anna').click();
    await page.getByText('anna: thank you').first().waitFor();
  },
  async tello({ page, w }) {
    await go(page, 'drones');
    await page.getByRole('article').first().waitFor();
    await pause(500);
  },
  async phone({ page, w }) {
    await messages(page, w, 'gateway');
    await page.getByRole('grid').getByRole('row').nth(3).waitFor();
  },
};
const DARK = new Set(['ladder', 'graphs', 'tello']);
const SIZES = { phone: { width: 390, height: 844 } };

const wanted = process.argv.slice(2);
const names = Object.keys(PICTURES).filter((name) => wanted.length === 0 || wanted.includes(name));
const project = join(folder(), 'plant');
mkdirSync(project);
for (const [file, text] of Object.entries(PROJECT)) writeFileSync(join(project, file), text);

// Something of another program for the ports, as it would be.
const other = start(BINARY, ['listen', 'udp://127.0.0.1:9000', '--reply', 'echo']);
setTimeout(() => {
  console.error(`not done within ${WITHIN} ms`);
  process.exit(1);
}, WITHIN).unref();
const bench = await workbench(['--project', project]);
const chrome = await browser();
let failures = 0;
const fail = (what) => {
  failures += 1;
  console.error(what);
};
try {
  const hand = await open(chrome, bench);
  hand.setDefaultTimeout(15_000);
  await prepare(hand);
  if (names.some((name) => ['rooms', 'ports'].includes(name))) await talk(hand);
  if (names.some((name) => ['tello', 'ports'].includes(name))) await fly(hand);
  for (const lang of Object.keys(LANGUAGES)) {
    for (const name of names) {
      const page = await open(chrome, bench, { lang, theme: DARK.has(name) ? 'dark' : 'light', ...SIZES[name] });
      page.setDefaultTimeout(15_000);
      const file = join(FOLDER, `workbench-${name}${LANGUAGES[lang]}.png`);
      try {
        await PICTURES[name]({ page, w: words(lang), lang });
      } catch (error) {
        fail(`${file}: ${error.message}`);
      }
      await page.mouse.move(0, 0);
      const picture = small(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
      writeFileSync(file, picture);
      console.log(`${picture.length} ${file}`);
      if (picture.length > MOST) fail(`${file} has more than ${MOST} bytes`);
      for (const wrong of page.wrongs) fail(`${file}: ${wrong}`);
      await page.context().close();
    }
  }
} finally {
  await chrome.close();
  await end(bench.child);
  await end(other);
}
process.exit(failures === 0 ? 0 : 1);
