// The wire of a session: its ladder, the cuts of its bytes, its graphs, and values out of messages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { ask, go, lookAt, opened, stage, told, until } from './look.mjs';
import { BINARY, folder, start } from './program.mjs';

/** Connects as a stranger, and ends with the test. */
async function peer(t, port) {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.setNoDelay(true);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.got = '';
  socket.on('data', (bytes) => (socket.got += bytes));
  return socket;
}

const steps = (page, w) => page.getByRole('listbox', { name: w('wire.ladder') });
const textOf = (page, w) => steps(page, w).innerText();

for (const lang of ['en', 'zh']) {
  test(`a ladder shows the packets of a conversation from handshake to end (${lang})`, async (t) => {
    const { page, w } = await stage(t, { lang, height: 1600 });
    const { capture } = await ask(page, 'welcome');
    if (!capture.may) return t.skip(`no packets can be captured here: ${capture.why}`);

    const echo = await opened(page, 'echo', 'server', 'tcp://127.0.0.1:0', { frame: 'lines', wire: '1' });
    await go(page, `sessions/${echo.key}/wire`);
    await page.getByText(w('wire.no-steps')).waitFor();

    const ann = await peer(t, echo.port);
    ann.write('hello\n');
    const ladder = steps(page, w);
    await ladder.getByText('[SYN] Seq=0', { exact: false }).first().waitFor();
    await ladder.getByText('[SYN, ACK] Seq=0 Ack=1', { exact: false }).first().waitFor();
    await ladder.getByText(/\[PSH, ACK\] Seq=1 Ack=1 .*Len=6/).first().waitFor();
    await ask(page, 'send', { key: echo.key, target: 'all', text: 'you too' });
    await ladder.getByText(/\[PSH, ACK\] Seq=1 Ack=7 .*Len=8/).first().waitFor();
    await until(() => ann.got.includes('you too'), 'the answer');
    ann.end();
    await ladder.getByText(/\[FIN, ACK\]/).first().waitFor();
    for (const state of ['SYN_SENT', 'LISTEN → SYN_RECEIVED', 'ESTABLISHED', 'FIN_WAIT_1', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT']) {
      await ladder.locator('.state-text', { hasText: state }).first().waitFor();
    }

    // Another one breaks off.
    const bob = await peer(t, echo.port);
    bob.write('bye\n');
    await until(async () => /Len=4/.test(await textOf(page, w)), 'the second peer');
    bob.resetAndDestroy();
    await ladder.getByText(/\[RST/).first().waitFor();

    // The lessons are a switch away.
    await page.getByLabel(w('wire.explain')).check();
    await ladder.locator('.lesson').first().waitFor();
    await page.getByLabel(w('wire.explain')).uncheck();

    // A step leads to its row, and the row back to its step.
    const select = page.getByLabel(w('wire.peer'));
    await select.selectOption({ index: 1 });
    await until(async () => !/\[RST/.test(await textOf(page, w)), 'the first peer alone');
    await ladder.locator('.step', { hasText: 'hello' }).first().dblclick();
    await page.getByRole('grid').waitFor();
    const row = page.locator('[role=row][aria-selected=true]');
    await row.filter({ hasText: 'hello' }).waitFor();
    await row.click({ button: 'right' });
    await page.getByRole('menuitem', { name: w('timeline.show-in-ladder') }).click();
    await ladder.locator('.step[aria-selected=true]', { hasText: 'hello' }).waitFor();

    // The drawing is a picture that stands alone.
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: w('wire.download-svg') }).click()]);
    const svg = readFileSync(await download.path(), 'utf8');
    assert.match(download.suggestedFilename(), /\.svg$/);
    // Read on a page that has no policy: ours lets no text become a document.
    const blank = await page.context().newPage();
    const read = await blank.evaluate((text) => {
      const made = new DOMParser().parseFromString(text, 'image/svg+xml');
      return { root: made.documentElement.nodeName, wrong: made.querySelector('parsererror')?.textContent ?? null };
    }, svg);
    await blank.close();
    assert.deepEqual(read, { root: 'svg', wrong: null });
    assert.match(svg, /\[SYN, ACK\]/);

    await lookAt(page, `ladder-${lang}`);
    assert.deepEqual(page.wrongs, []);
  });
}

test('a ladder without the right to capture says why, and draws what was written and read', async (t) => {
  const bench = await unprivileged();
  if (!bench) return t.skip('this user has no rights that could be taken away');
  for (const lang of ['en', 'zh']) {
    const { page, w } = await stage(t, { lang }, bench);
    const echo = await opened(page, `poor-${lang}`, 'server', 'tcp://127.0.0.1:0', { frame: 'lines', wire: '1' });
    await go(page, `sessions/${echo.key}/wire`);
    const ann = await peer(t, echo.port);
    ann.write('hello\n');
    await steps(page, w).locator('.step', { hasText: 'hello' }).first().waitFor();
    await ask(page, 'send', { key: echo.key, target: 'all', text: 'you too' });
    await steps(page, w).locator('.step', { hasText: 'you too' }).first().waitFor();
    const banner = page.locator('.banner.warn');
    assert.match(await banner.innerText(), /NET_RAW/);
    assert.ok((await banner.innerText()).includes(w('wire.still-seen')));
    if (lang === 'en') await lookAt(page, 'ladder-poor');
    assert.deepEqual(page.wrongs, []);
  }
});

/** A workbench without any capability; nothing where there is none to take away. */
async function unprivileged() {
  if (process.getuid() !== 0) return undefined;
  const child = start('setpriv', ['--bounding-set', '-all', '--inh-caps', '-all', BINARY, 'workbench', '--port', '0', '--no-open', '--project', folder()]);
  const url = await until(() => /http:\/\/\S+#token=\S+/.exec(child.output)?.[0], 'the address');
  return { child, url, origin: new URL(url).origin };
}

test('a session that was not asked for packets says so, and is opened again with them', async (t) => {
  const { page, w } = await stage(t);
  const echo = await opened(page, 'plain', 'server', 'tcp://127.0.0.1:0', { frame: 'lines' });
  await go(page, `sessions/${echo.key}/wire`);
  const ann = await peer(t, echo.port);
  ann.write('hello\n');
  await steps(page, w).locator('.step', { hasText: 'hello' }).first().waitFor();
  await page.getByText(w('wire.without-packets')).waitFor();
  await page.getByRole('button', { name: w('wire.reopen-with-packets') }).click();
  await until(() => ann.destroyed || ann.readableEnded, 'the end of the first opening');
  const { local } = await until(async () => (await sessions(page)).find((one) => one.state === 'open' && one.options.wire === '1'), 'the second opening');
  const bob = await peer(t, Number(/:(\d+)$/.exec(local[0])[1]));
  bob.write('again\n');
  await steps(page, w).locator('.step', { hasText: 'again' }).first().waitFor();
  assert.equal(await page.getByText(w('wire.without-packets')).count(), 0);
  assert.deepEqual(page.wrongs, []);
});

/** The sessions as the program tells them. */
const sessions = (page) => told(page, 'sessions');

/** Two sessions of one workbench that talk with each other. */
async function pair(page, options = {}) {
  const sink = await opened(page, 'sink', 'server', 'tcp://127.0.0.1:0', { frame: 'lines', ...options });
  const source = await opened(page, 'source', 'client', `tcp://127.0.0.1:${sink.port}`, { frame: 'lines', ...options });
  return { sink, source };
}

test('the lens tells sticky messages from half ones, and knows both ends', async (t) => {
  for (const lang of ['en', 'zh']) {
    const { page, w } = await stage(t, { lang });
    const { sink, source } = await pair(page);
    const say = (text) => ask(page, 'send', { key: source.key, target: 'all', text });
    // Held together, then cut.
    await ask(page, 'session.change', { key: source.key, options: { frame: 'lines', coalesce: '12' } });
    for (const text of ['one', 'two', 'six']) await say(text);
    await until(async () => (await sessions(page)).find((one) => one.key === sink.key).received >= 12, 'the sticky messages');
    await ask(page, 'session.change', { key: source.key, options: { frame: 'lines', 'split-at': '4', 'split-delay': '400ms' } });
    await say('halfhalf');
    await until(async () => (await sessions(page)).find((one) => one.key === sink.key).received >= 21, 'the half message');

    await go(page, `sessions/${sink.key}/wire`);
    await page.getByRole('tab', { name: w('wire.lens') }).click();
    const verdicts = page.getByRole('region', { name: w('wire.verdicts') });
    await verdicts.getByText(lang === 'en' ? /read 1 .*messages 1 to 3.*sticky/ : /粘/).first().waitFor();
    await verdicts.getByText(lang === 'en' ? /message 4 .*half|half.*message 4/ : /半/).first().waitFor();
    t.diagnostic(await verdicts.innerText());

    // The writes of the other session are bands here; a piece leads to its row there.
    const bands = page.getByRole('group', { name: w('wire.cuts') });
    assert.equal(await bands.locator('.block.writes').count(), 3);
    assert.equal(await bands.locator('.block.reads').count(), 3);
    assert.equal(await bands.locator('.block.frames').count(), 4);
    await bands.locator('.block.writes').first().click();
    if (lang === 'en') await lookAt(page, 'lens');
    await page.getByRole('button', { name: w('wire.show-row') }).click();
    await page.getByRole('grid').waitFor();
    await page.locator('[role=row][aria-selected=true]', { hasText: 'one' }).waitFor();
    assert.match(page.url(), new RegExp(`/sessions/${source.key}/timeline`));
    assert.deepEqual(page.wrongs, []);
  }
});

test('Space in the graphs belongs to the button that has the focus', async (t) => {
  const { page, w } = await stage(t);
  const { source } = await pair(page);
  await go(page, `sessions/${source.key}/wire`);
  await page.getByRole('tab', { name: w('wire.graphs') }).click();
  const pause = page.getByRole('button', { name: w('wire.pause') });
  await pause.waitFor();
  const pressed = () => pause.getAttribute('aria-pressed');
  const before = await pressed();
  await page.getByRole('tab', { name: w('wire.ladder') }).focus();
  await page.keyboard.press('Space');
  await page.getByRole('tab', { name: w('wire.graphs') }).click();
  await page.evaluate(() => document.activeElement.blur());
  assert.equal(await pressed(), before);
  await page.keyboard.press('Space');
  await until(async () => (await pressed()) !== before);
});

test('graphs move while data flows, and know what the kernel says', async (t) => {
  const { page, w } = await stage(t);
  const { capture } = await ask(page, 'welcome');
  const { sink, source } = await pair(page, capture.may ? { wire: '1' } : {});
  await ask(page, 'every.start', { key: source.key, target: 'all', text: 'x'.repeat(500), every_ns: 20_000_000, count: null });
  await go(page, `sessions/${source.key}/wire`);
  await page.getByRole('tab', { name: w('wire.graphs') }).click();
  for (const name of ['bytes', 'messages', 'rtt', 'cwnd', 'inflight']) {
    const graph = page.getByRole('figure', { name: w(`wire.graph-${name}`) });
    await graph.waitFor();
    const line = () => graph.locator('figcaption').innerText();
    await until(async () => /[1-9]/.test((await line()).replace(/^.*\n/, '')), `values of ${name}`);
    t.diagnostic((await line()).replace(/\s+/g, ' '));
  }
  const rate = page.getByRole('figure', { name: w('wire.graph-bytes') }).locator('figcaption');
  const first = await rate.innerText();
  await until(async () => (await rate.innerText()) !== first, 'a graph that moves');
  await lookAt(page, 'graphs');
  await go(page, `sessions/${sink.key}/wire`);
  await page.getByRole('figure', { name: w('wire.graph-rtt') }).waitFor();
  assert.deepEqual(page.wrongs, []);
});

test('values are found by a regular expression, in columns, and in JSON', async (t) => {
  for (const lang of ['en', 'zh']) {
    const { page, w } = await stage(t, { lang });
    const { sink, source } = await pair(page);
    const lines = ['temp=20.5 ok', '1,2,3', '{"temp":7,"in":{"deep":-1}}', 'temp=21.5 ok', 'nothing', 'temp=-2 ok', '4,5,6'];
    for (const text of lines) await ask(page, 'send', { key: source.key, target: 'all', text, escapes: false });
    await until(async () => (await sessions(page)).find((one) => one.key === sink.key).received >= lines.join('\n').length + 1, 'the lines');
    await go(page, `sessions/${sink.key}/wire`);
    await page.getByRole('tab', { name: w('wire.values') }).click();
    const by = page.getByLabel(w('wire.found-by'));
    const pattern = page.getByLabel(w('wire.pattern'));
    const graph = page.getByRole('figure', { name: w('wire.values') });
    const summary = (min, avg, max) => w('wire.summary', { min, avg, max });

    await by.selectOption('re');
    await pattern.fill(String.raw`temp=(?<temp>-?[\d.]+)`);
    await graph.getByText(summary('-2', '13.3', '21.5')).waitFor();
    await pattern.fill('temp=(');
    await page.locator('#values-said.bad').waitFor();
    await by.selectOption('csv');
    await pattern.fill('0,2');
    await graph.getByText(summary('1', '2.50', '4')).waitFor();
    await graph.getByText(summary('3', '4.50', '6')).waitFor();
    if (lang === 'en') await lookAt(page, 'values');
    await by.selectOption('json');
    await pattern.fill('in.deep');
    await graph.getByText(summary('-1', '-1', '-1')).waitFor();
    assert.deepEqual(page.wrongs, []);
  }
});
