// Sessions: made, opened, spoken to, kept as files, and taken to the command line.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { BINARY, end, start } from './program.mjs';
import { begin, button, dialTo, downloaded, has, hearing, make, once, row, rows, server, set, tab, trial, where, write } from './desk.mjs';
import { until } from './look.mjs';

/** A port that nobody had a moment ago, for what must know it before. */
async function freePort() {
  const one = createServer().listen(0, '127.0.0.1');
  await once(one, 'listening');
  const { port } = one.address();
  await new Promise((resolve) => one.close(resolve));
  return port;
}

/** A server of node that keeps its peers. */
async function listening(t, where) {
  const peers = [];
  const one = createServer((socket) => peers.push(hearing(socket)));
  t.after(() => (one.close(), peers.forEach((peer) => peer.destroy())));
  await once(one.listen(where), 'listening');
  one.peers = peers;
  return one;
}

async function send(page, text) {
  await write(page, text);
  await button(page, 'Send').click();
}

/** What stands in a menu of the session. */
async function more(page, name) {
  await button(page, 'More …').click();
  await page.getByRole('menuitem', { name, exact: true }).click();
}

trial('a TCP server hears and answers', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('up\r\n');
  await row(page, 'up').waitFor();
  await send(page, 'down');
  await peer.hears('down\n');
  await button(page, 'Close').click();
  await until(() => peer.closed || peer.readableEnded);
  await page.locator('.bar .state').getByText(/closed|ended/).waitFor();
});

trial('a TCP client talks to a server', async ({ page, t }) => {
  const listener = await listening(t, { port: 0, host: '127.0.0.1' });
  await make(page, { protocol: 'TCP client', host: '127.0.0.1', port: listener.address().port, framing: 'lines' });
  await begin(page);
  await send(page, 'knock');
  await until(() => listener.peers[0]);
  await listener.peers[0].hears('knock\n');
  listener.peers[0].write('come in\n');
  await row(page, 'come in').waitFor();
});

trial('a UDP server and a UDP client talk to others', async ({ page, t }) => {
  const other = createSocket('udp4');
  t.after(() => other.close());
  const heard = [];
  other.on('message', (bytes, from) => heard.push({ text: String(bytes), from }));
  other.bind(0, '127.0.0.1');
  await once(other, 'listening');

  await make(page, { protocol: 'UDP server', port: 0 });
  const port = await begin(page);
  other.send('ping', port, '127.0.0.1');
  await row(page, 'ping').waitFor();
  await send(page, 'pong');
  await until(() => heard.find((one) => one.text === 'pong'), () => JSON.stringify(heard));

  await make(page, { protocol: 'UDP client', host: '127.0.0.1', port: other.address().port });
  await begin(page);
  await send(page, 'from a client');
  const { from } = await until(() => heard.find((one) => one.text === 'from a client'), () => JSON.stringify(heard));
  other.send('to a client', from.port, from.address);
  await row(page, 'to a client').waitFor();
});

trial('Unix stream sockets work on both sides', async ({ page, bench, t }) => {
  const path = join(bench.project, 's.sock');
  await make(page, { protocol: 'Unix stream server', path, framing: 'lines' });
  await begin(page);
  const peer = await dialTo(t, path);
  peer.write('through a path\n');
  await row(page, 'through a path').waitFor();

  const listener = await listening(t, { path: join(bench.project, 'l.sock') });
  await make(page, { protocol: 'Unix stream client', path: join(bench.project, 'l.sock'), framing: 'lines' });
  await begin(page);
  await send(page, 'and back');
  await until(() => listener.peers[0]);
  await listener.peers[0].hears('and back\n');
});

trial('Unix datagram sockets work on both sides', async ({ page, bench, t }) => {
  if (!has(t, 'python3')) return;
  const path = join(bench.project, 'd.sock');
  await make(page, { protocol: 'Unix datagram server', path });
  await begin(page);
  const code = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[2])
if len(sys.argv)>3: s.sendto(sys.argv[3].encode(), sys.argv[1])
print(s.recv(100).decode(), flush=True)`;
  const other = start('python3', ['-c', code, path, join(bench.project, 'o.sock'), 'as one']);
  t.after(() => end(other));
  await row(page, 'as one').waitFor();
  await send(page, 'heard');
  await until(() => other.output.includes('heard'), () => other.errors);

  const third = start('python3', ['-c', code, '', join(bench.project, 'p.sock')]);
  t.after(() => end(third));
  await until(() => existsSync(join(bench.project, 'p.sock')));
  await make(page, { protocol: 'Unix datagram client', path: join(bench.project, 'p.sock') });
  await begin(page);
  await send(page, 'a client of datagrams');
  await until(() => third.output.includes('a client of datagrams'), () => third.errors);
});

trial('many sessions are open at once, and one timeline has them all', async ({ page, t }) => {
  const ports = [];
  for (let i = 0; i < 6; i++) ports.push(await server(page));
  const list = page.getByRole('navigation', { name: 'Sessions' });
  assert.equal(await list.getByText('Session', { exact: false }).count() >= 6, true);
  for (const [i, port] of ports.entries()) (await dialTo(t, port)).write(`to number ${i}\n`);
  await list.getByRole('link', { name: 'All sessions' }).click();
  for (const i of ports.keys()) await row(page, `to number ${i}`).waitFor();
  assert.match(await row(page, 'to number 3').innerText(), /Session 4/);
});

trial('a server sends to the latest peer, to all, to some, and parts from one', async ({ page, t }) => {
  const port = await server(page);
  const peers = [];
  for (let i = 0; i < 3; i++) {
    peers.push(await dialTo(t, port));
    await page.getByText(`${i + 1} peer`).first().waitFor();
  }
  await send(page, 'latest');
  await peers[2].hears('latest');
  await button(page, 'Latest peer').click();
  await page.getByLabel('All: 3 peers').check();
  await page.keyboard.press('Escape');
  await send(page, 'everybody');
  for (const peer of peers) await peer.hears('everybody');
  await page.getByRole('button', { name: 'All: 3 peers' }).click();
  for (const i of [1, 2]) await page.getByRole('checkbox', { name: new RegExp(`^${i} ·`) }).check();
  await page.keyboard.press('Escape');
  await send(page, 'two of you');
  for (const peer of peers.slice(0, 2)) await peer.hears('two of you');
  assert.equal(String(peers[0].heard), 'everybody\ntwo of you\n');
  assert.equal(String(peers[2].heard), 'latest\neverybody\n');

  await page.getByRole('button', { name: /3 peers/, expanded: false }).last().click();
  await button(page, 'Disconnect peer 2').click();
  await until(() => peers[1].closed || peers[1].readableEnded);
  await page.getByRole('button', { name: 'Disconnect peer 2' }).waitFor({ state: 'detached' });
  assert.equal(peers[0].closed, false);
});

trial('a client that connects again comes back', async ({ page, t }) => {
  const port = await freePort();
  const first = await listening(t, { port, host: '127.0.0.1' });
  await make(page, { protocol: 'TCP client', host: '127.0.0.1', port, framing: 'lines' });
  await button(page, 'Options').click();
  await page.getByLabel('Connect again when it ends').selectOption('on');
  await button(page, 'Apply').click();
  await begin(page);
  await until(() => first.peers[0]);
  first.close();
  first.peers[0].destroy();
  await page.locator('.bar .state').getByText('opening …').waitFor();
  const second = await listening(t, { port, host: '127.0.0.1' });
  await page.locator('.bar .state .open').waitFor();
  await until(() => second.peers[0]);
  second.peers[0].write('again\n');
  await row(page, 'again').waitFor();
});

trial('what goes wrong is said beside the button', async ({ page, t }) => {
  const taken = await listening(t, { port: 0, host: '127.0.0.1' });
  await make(page, { port: taken.address().port });
  await button(page, 'Open').click();
  const alert = page.locator('.bar [role=alert]');
  await alert.getByText(/address already in use/i).waitFor();
  await alert.getByRole('link', { name: 'Who has the port?' }).click();
  await page.getByRole('heading', { level: 1, name: 'Ports' }).waitFor({ state: 'attached' });
  await page.getByText(String(taken.address().port)).first().waitFor();

  await page.getByRole('link', { name: 'Sessions' }).click();
  await make(page, { protocol: 'TCP client', host: '127.0.0.1', port: await freePort() });
  await button(page, 'Open').click();
  await page.locator('.bar').getByText(/refused/i).first().waitFor();
  await set(page.getByLabel('port', { exact: true }), 'seven');
  await page.locator('.bar [role=alert]').getByText(/port/).waitFor();
});

trial('a saved session is a file that the command line runs', async ({ page, bench, t }) => {
  const port = await freePort();
  await make(page, { port, framing: 'lines' });
  await more(page, 'Rename');
  await page.getByLabel('Name', { exact: true }).fill('plc');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await tab(page, 'Rules');
  await button(page, '＋ Add a rule').click();
  await page.getByLabel('When: rule 1').selectOption('it is');
  await page.getByLabel('it is', { exact: true }).fill('PING');
  await page.getByLabel('answer text', { exact: true }).fill('PONG');
  await button(page, 'Apply').click();
  await page.getByText('The session has these rules').waitFor();
  await button(page, 'Save').click();
  await page.getByText('Saved', { exact: true }).waitFor();
  const file = join(bench.project, 'plc.toml');
  const toml = readFileSync(file, 'utf8');
  assert.match(toml, /\[\[session\]\]/);
  assert.match(toml, /PONG/);

  const run = start(BINARY, ['run', file]);
  t.after(() => end(run));
  const peer = await until(() => dialTo(t, port).catch(() => null), () => `${run.errors}${run.output}`);
  peer.write('PING\r\n');
  await peer.hears('PONG');
});

trial('sessions are duplicated, exported, imported and removed', async ({ page, bench }) => {
  await make(page, { port: 7123, framing: 'len:u16be' });
  await more(page, 'Duplicate');
  const list = page.getByRole('navigation', { name: 'Sessions' });
  await until(async () => (await list.getByRole('link').count()) === 3);
  assert.equal(await page.getByLabel('Framing').first().inputValue(), 'len:u16be');
  assert.equal(await page.getByLabel('port', { exact: true }).inputValue(), '7123');

  const { name, bytes } = await downloaded(page, () => more(page, 'Export as a file'));
  assert.match(name, /\.toml$/);
  assert.match(String(bytes), /len:u16be/);
  const path = join(bench.project, 'elsewhere.txt.toml');
  writeFileSync(path, bytes);
  await page.locator('nav.sessions input[type=file]').setInputFiles(path);
  await until(async () => (await list.getByRole('link').count()) === 4);
  assert.equal(await page.getByLabel('Framing').first().inputValue(), 'len:u16be');

  await button(page, 'Save').click();
  await page.getByText('Saved', { exact: true }).waitFor();
  const saved = (await list.locator('[aria-current=page] .name').innerText()).replace(/ \*$/, '');
  assert.ok(existsSync(join(bench.project, `${saved}.toml`)));
  await more(page, 'Remove');
  await page.getByRole('checkbox', { name: /Delete its file/ }).check();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await until(async () => (await list.getByRole('link').count()) === 3);
  assert.ok(!existsSync(join(bench.project, `${saved}.toml`)));
});

trial('the commands that are copied do the same', async ({ page, t }) => {
  const listener = await listening(t, { port: 0, host: '127.0.0.1' });
  await make(page, { protocol: 'TCP client', host: '127.0.0.1', port: listener.address().port, framing: 'lines' });
  await write(page, 'as on the screen');
  await page.getByLabel('What leaves').getByText(/\d\d bytes/).waitFor();
  await button(page, 'Copy as command').click();
  const forms = page.getByRole('dialog').locator('section');
  await forms.first().locator('pre').waitFor();
  const lines = {};
  for (const form of await forms.all()) {
    const shown = form.locator('pre');
    if (await shown.count()) lines[await form.getByRole('heading').innerText()] = await shown.innerText();
  }
  await forms.first().getByRole('button', { name: 'Copy' }).click();
  await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === lines.sockpit);
  assert.match(lines.sockpit, /^sockpit /);

  for (const [name, line] of Object.entries(lines)) {
    const before = listener.peers.length;
    const run =
      name === 'Python'
        ? start('python3', ['-c', line])
        : start('sh', ['-c', line.replace(/\bsockpit /, `${BINARY} `)]);
    t.after(() => end(run));
    await until(() => listener.peers.length > before, () => `${name}: ${line}\n${run.errors}${run.output}`);
    await listener.peers[before].hears('as on the screen\n');
    assert.equal(String(listener.peers[before].heard), 'as on the screen\n', name);
    await end(run);
  }
});

trial('a session changes while it is open', async ({ page, t }) => {
  const port = await server(page, { framing: undefined });
  const peer = await dialTo(t, port);
  peer.write('a\nb\n');
  await row(page, 'a').first().waitFor();
  await set(page.getByLabel('Framing').first(), 'lines');
  // What comes before it is adopted is one chunk; after that each line is a message.
  let number = 0;
  const second = rows(page).filter({ hasText: /d\d/, hasNotText: /c\d/ });
  await until(() => {
    number += 1;
    peer.write(`c${number}\nd${number}\n`);
    return second.count();
  }, 'the framing was not adopted');
  assert.equal(await where(page), port);
  assert.ok((await rows(page).count()) > 3);
});

trial('what is changed and opened in one go is all kept', async ({ page }) => {
  await make(page);
  await page.evaluate(() => {
    const host = document.querySelector('.bar .host input');
    const port = document.querySelector('.bar input.port');
    for (const [field, value] of [[host, '127.0.0.2'], [port, '0']]) {
      field.value = value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    }
    document.querySelector('.bar .toggle').click();
  });
  await page.locator('.bar .state').getByText(/tcp:\/\/127\.0\.0\.2:\d+/).waitFor();
});
