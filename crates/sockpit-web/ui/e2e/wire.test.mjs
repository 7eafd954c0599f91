// The wire of a session: its ladder, the cuts of its bytes, its graphs, and values out of messages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { ask, go, lookAt, opened, until, wordsOf } from './look.mjs';
import { BINARY, browser, end, open, start, workbench } from './program.mjs';

let chrome;
before(async () => (chrome = await browser()));
after(() => chrome.close());

/** A workbench with a page, ended at the end of the test; nothing may have gone wrong in the page. */
async function stage(t, looks = {}, bench = undefined) {
  const made = bench ?? (await workbench());
  const page = await open(chrome, made, looks);
  t.after(async () => {
    await page.context().close();
    await end(made.child);
  });
  return { bench: made, page, w: wordsOf(looks.lang ?? 'en') };
}

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
    await ask(page, 'send', { key: echo.key, target: 'all', text: 'you too', eol: 'lf' });
    await ladder.getByText(/\[PSH, ACK\] Seq=1 Ack=7 .*Len=8/).first().waitFor();
    await until(() => ann.got.includes('you too'), 'the answer');
    ann.end();
    await ladder.getByText(/\[FIN, ACK\]/).first().waitFor();
    await page.locator('.head .state', { hasText: 'ESTABLISHED' }).first().waitFor({ state: 'attached' });
    for (const state of ['SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED', 'FIN-WAIT-1', 'CLOSE-WAIT']) {
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
    const read = await page.evaluate((text) => {
      const made = new DOMParser().parseFromString(text, 'image/svg+xml');
      return { root: made.documentElement.nodeName, wrong: made.querySelector('parsererror')?.textContent ?? null };
    }, svg);
    assert.deepEqual(read, { root: 'svg', wrong: null });
    assert.match(svg, /\[SYN, ACK\]/);

    await lookAt(page, `ladder-${lang}`);
    assert.deepEqual(page.wrongs, []);
  });
}
