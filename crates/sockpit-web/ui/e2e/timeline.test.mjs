// The timeline: what its rows say, how they are cut, read, found, kept and taken elsewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { button, dialTo, downloaded, has, row, rows, server, set, tab, trial, write } from './desk.mjs';
import { until } from './look.mjs';

const filter = (page) => page.getByRole('combobox', { name: 'Filter' });
const inGrid = (page) => page.getByRole('grid', { name: 'Timeline' });

/** The rows that are seen, each as the text of its cells. */
async function seen(page) {
  const all = await rows(page).evaluateAll((found) =>
    found.map((one) => [Number(one.dataset.i), [...one.children].map((cell) => cell.innerText.trim())]),
  );
  return all.sort(([a], [b]) => a - b).map(([, cells]) => cells);
}

const contents = async (page) => (await seen(page)).map((cells) => cells.at(-1));

async function shows(page, wanted) {
  const shown = async () => (await contents(page)).join(' ¦ ');
  await until(async () => wanted.test(await shown()), `${wanted} was never shown`).catch(async (error) => {
    throw new Error(`${error.message}: ${await shown()}`);
  });
}

trial('a row says direction, time, delta, peer, length and content', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('first\n');
  await row(page, 'first').waitFor();
  peer.write('second one\n');
  await row(page, 'second one').waitFor();
  await write(page, 'answer');
  await button(page, 'Send').click();
  await row(page, 'answer').waitFor();
  const cells = (await seen(page)).filter((one) => /first|second|answer/.test(one.at(-1)));
  assert.deepEqual(cells.map((one) => one.at(-1)), ['first', 'second one', 'answer']);
  assert.match(cells[0][0], /^←\s*message, received$/);
  assert.match(cells[2][0], /^→\s*message, sent$/);
  for (const [, time, delta, who, len] of cells) {
    assert.match(time, /^\d\d:\d\d:\d\d\.\d{3}$/);
    assert.match(delta, /^[\d.]+ (ns|µs|ms|s)$/);
    assert.equal(who, '1');
    assert.match(len, /^\d+$/);
  }
  assert.deepEqual(cells.map((one) => one[4]), ['5', '10', '6']);
  await page.getByText(/← 2 · 17 B|← 2 · 15 B/).waitFor();
});

trial('rows are shown as text, as hex and as both; one row otherwise', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('AB\n0123\n');
  await row(page, '0123').waitFor();
  await page.getByLabel('Shown as').selectOption('Hex');
  await shows(page, /41 42 ¦ 30 31 32 33/);
  await page.getByLabel('Shown as').selectOption('Hex and text');
  await shows(page, /41 42\s+AB/);
  await page.getByLabel('Shown as').selectOption('Text');
  await row(page, 'AB').click();
  await page.keyboard.press('X');
  await shows(page, /41 42 ¦ 0123/);
});

trial('what was kept is cut anew and read in another charset', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'raw' }));
  // 你好 in GBK, and two lines in one write.
  peer.write(Buffer.concat([Buffer.from('c4e3bac3', 'hex'), Buffer.from('\nsecond\n')]));
  await shows(page, /second/);
  const options = page.locator('.timeline .options');
  await options.getByLabel('Framing').selectOption('lines');
  await until(async () => (await contents(page)).includes('second'), 'it was not cut into lines');
  await options.getByLabel('Charset').selectOption('gbk');
  await shows(page, /你好 ¦ second/);
  await options.getByLabel('Framing').selectOption('…');
  await set(options.getByRole('textbox', { name: 'Framing' }), 'fixed:3');
  await until(async () => (await contents(page)).length > 3);
  await options.getByRole('textbox', { name: 'Framing' }).fill('len:u99');
  await options.getByRole('textbox', { name: 'Framing' }).blur();
  await page.locator('.toolbar [role=alert]').waitFor();
  await options.getByLabel('Framing').first().selectOption('as the session');
  await page.locator('.toolbar [role=alert]').waitFor({ state: 'detached' });
  await button(page, 'Chunks').click();
  await shows(page, /你好.*second/s);
});

trial('a long message is folded in its row and whole in the detail', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write(`begin${'x'.repeat(200_000)}end\n`);
  await row(page, 'begin').waitFor();
  assert.ok((await row(page, 'begin').innerText()).length < 2000);
  await row(page, 'begin').click();
  const detail = page.getByRole('region', { name: 'Detail' });
  await detail.getByText(/195\.3 KiB/).waitFor();
  await detail.getByRole('button', { name: /^Text/ }).click();
  await detail.getByText('begin').first().waitFor();
  const { bytes } = await downloaded(page, () => detail.getByRole('button', { name: 'Save' }).click());
  assert.match(String(bytes), /^beginx{200000}end/);
});

trial('detail: a field selects its bytes, bytes are read as numbers and copied', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'len:u16be' }));
  peer.write(Buffer.from('00057b22613a7d', 'hex').subarray(0, 2));
  peer.write(Buffer.from('hello'));
  await row(page, 'hello').click();
  const detail = page.getByRole('region', { name: 'Detail' });
  const bytes = detail.getByRole('grid', { name: 'Bytes' });
  await bytes.locator('[data-at="0"]').first().waitFor();
  await detail.getByRole('treeitem').first().waitFor();
  const names = await detail.getByRole('treeitem').allInnerTexts();
  const header = names.findIndex((name) => /length|header/i.test(name));
  assert.ok(header >= 0, names.join());
  await detail.getByRole('treeitem').nth(header).click();
  const lit = () => bytes.locator('.byte.lit').evaluateAll((all) => all.map((one) => one.dataset.at).join());
  assert.equal(await lit(), '0,1');
  await detail.getByText(/Bytes 0 to 1 selected \(2\)/).waitFor();
  // Back from the bytes to the field.
  await bytes.locator('[data-at="4"]').first().click();
  await until(async () => !/length|header/i.test(await detail.getByRole('treeitem', { selected: true }).allInnerTexts().then(String)));
  await bytes.locator('[data-at="2"]').first().click();
  await bytes.locator('[data-at="3"]').first().click({ modifiers: ['Shift'] });
  await detail.locator('details summary').last().click();
  await until(async () => (await detail.getByRole('row', { name: /u16/ }).count()) > 0 || (await detail.getByText(/26[,.]?725/).count()) > 0);
  await detail.getByRole('button', { name: /Copy as/ }).click();
  await page.getByRole('menuitem', { name: 'C array' }).click();
  await until(async () => /0x68, ?0x65/.test(await page.evaluate(() => navigator.clipboard.readText())));
});

trial('the filter is checked as it is typed, and takes negation and expressions', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (const line of ['temp 20', 'temp 21', 'error 5', 'other']) peer.write(`${line}\n`);
  await row(page, 'other').waitFor();
  await page.keyboard.press('/');
  await filter(page).fill('text ~ "temp"');
  await shows(page, /^temp 20 ¦ temp 21$/);
  await filter(page).fill('in and not text ~ "temp"');
  await shows(page, /^error 5 ¦ other$/);
  await filter(page).fill('text ~ "^(temp 21|err)"');
  await shows(page, /^temp 21 ¦ error 5$/);
  await filter(page).fill('len > ');
  await page.locator('#filter-complaint').waitFor();
  assert.equal(await filter(page).getAttribute('aria-invalid'), 'true');
  await filter(page).fill('len == 5');
  await shows(page, /^other$/);
  await button(page, 'Clear the filter').click();
  await shows(page, /temp 20.*other/);
  // From a row: only with this, and without.
  await row(page, 'error 5').click({ button: 'right' });
  await page.getByRole('menuitem', { name: /Without this text/ }).click();
  await shows(page, /temp 21 ¦ other/);
  assert.match(await filter(page).inputValue(), /not|!/);
  await filter(page).fill('');
  // What is cleared before it was applied is not applied later, and what is typed on stays as it is.
  await filter(page).fill('len == 7');
  await page.locator('.box .sign.good').waitFor();
  await button(page, 'Clear the filter').click();
  await filter(page).pressSequentially('out ');
  await until(async () => (await rows(page).count()) === 0);
  await filter(page).pressSequentially('or len == 5');
  await shows(page, /^other$/);
  assert.equal(await filter(page).inputValue(), 'out or len == 5');
  // What cannot be applied is of the session where it was typed.
  await filter(page).fill('len > ');
  await page.locator('#filter-complaint').waitFor();
  await page.evaluate(() => (location.hash = '#/sessions'));
  await until(async () => (await filter(page).inputValue()) === 'out or len == 5');
  await page.locator('#filter-complaint').waitFor({ state: 'detached' });
  await page.goBack();
  await filter(page).fill('');
  await shows(page, /temp 20.*other/);
  // Words are offered and taken by the keyboard.
  await filter(page).pressSequentially('tex');
  await page.locator('#filter-words [role=option]').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.match(await filter(page).inputValue(), /^text/);
});

trial('rows are searched for, forth and back, by text, expression and hex', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 300; i++) peer.write(`${i % 100 === 7 ? 'needle' : 'hay'} ${i}\n`);
  await row(page, 'hay 299').waitFor();
  await button(page, 'Search').click();
  const wanted = page.getByRole('textbox', { name: 'Search' });
  await wanted.fill('needle');
  const active = async (text) => inGrid(page).locator('.active').filter({ hasText: text }).waitFor();
  await wanted.press('Shift+Enter');
  await active('needle 207');
  await wanted.press('Shift+Enter');
  await active('needle 107');
  await wanted.press('Enter');
  await active('needle 207');
  await page.getByLabel('What is searched for').selectOption('Regular expression');
  await wanted.fill('hay 1[0-9]$');
  await wanted.press('Shift+Enter');
  await active('hay 19');
  await page.getByLabel('What is searched for').selectOption('hex');
  await wanted.fill('6E 65 ?? 64');
  await wanted.press('Enter');
  await active('needle 107');
  await wanted.fill('FF FF FF');
  await wanted.press('Enter');
  await page.locator('search').getByText('Not found').waitFor();
});

trial('pause holds the list still, follow sticks to the end', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 100; i++) peer.write(`a${i}\n`);
  await row(page, 'a99').waitFor();
  // Where the mouse was last is no matter: the button that opened the session does not take it.
  await page.keyboard.press('Space');
  peer.write('b0\nb1\n');
  // Not the words for who listens, which come by their own time.
  const toEnd = (name) => page.getByRole('button', { name });
  await toEnd(/2 new/).waitFor();
  assert.equal(await row(page, 'b1').count(), 0);
  await inGrid(page).press('Space');
  await row(page, 'b1').waitFor();
  await inGrid(page).press('g');
  await row(page, 'a0').waitFor();
  peer.write('c0\n');
  await toEnd(/\d+ below/).waitFor();
  assert.equal(await row(page, 'c0').count(), 0);
  await inGrid(page).press('f');
  await row(page, 'c0').waitFor();
  peer.write('d0\n');
  await row(page, 'd0').waitFor();
});

trial('a list that follows stays at the end whatever its height', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 100; i++) peer.write(`line ${i}\n`);
  await row(page, 'line 99').waitFor();
  for (const height of [480, 800]) {
    await page.setViewportSize({ width: 1280, height });
    const foot = async (locator) => (await locator.evaluateAll(([one]) => one?.getBoundingClientRect().bottom)) ?? NaN;
    const isAtEnd = async () => Math.abs((await foot(row(page, 'line 99'))) - (await foot(page.locator('.rows .sheet')))) < 2;
    await until(isAtEnd, `the last row at the foot of ${height} px`);
  }
  peer.write('and one more\n');
  await row(page, 'and one more').waitFor();
});

trial('bookmarks have notes, are listed and gone to', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 200; i++) peer.write(`row ${i}\n`);
  await row(page, 'row 199').waitFor();
  await inGrid(page).press('g');
  await row(page, /row 3$/).click();
  await page.keyboard.press('m');
  await page.getByLabel('Note').fill('odd one');
  await page.keyboard.press('Enter');
  await row(page, 'odd one').waitFor();
  await inGrid(page).press('G');
  await row(page, 'row 199').waitFor();
  await button(page, 'Bookmarks').click();
  await page.getByRole('dialog').getByText('odd one').click();
  await inGrid(page).locator('.active').filter({ hasText: 'row 3' }).waitFor();
  await page.keyboard.press('m');
  await button(page, 'Remove').click();
  await row(page, 'odd one').waitFor({ state: 'detached' });
});

trial('the four exports hold what is shown', async ({ page, bench, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('keep this\nand that, "quoted"\nnot me\n');
  await row(page, 'not me').waitFor();
  await filter(page).fill('in and not text ~ "not me"');
  await shows(page, /^keep this ¦ and that, "quoted"$/);
  const take = (form) =>
    downloaded(page, async () => {
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      await page.getByRole('menuitem', { name: new RegExp(`\\.${form}$`) }).click();
    });
  const jsonl = String((await take('jsonl')).bytes).trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(jsonl.length >= 2, JSON.stringify(jsonl));
  const txt = String((await take('txt')).bytes);
  assert.match(txt, /keep this\n.*and that, "quoted"/);
  assert.doesNotMatch(txt, /not me/);
  const csv = String((await take('csv')).bytes);
  assert.match(csv, /"and that, ""quoted"""/);
  assert.equal(csv.trim().split(/\r?\n/).length, 3);
  // A capture is told by packets and chunks: the filter is about those.
  await filter(page).fill('in');
  await shows(page, /not me/);
  const pcapng = await take('pcapng');
  assert.equal(pcapng.bytes.readUInt32LE(0), 0x0a0d0d0a);
  if (!has({ skip: (why) => t.diagnostic(why) }, 'tshark')) return;
  const file = join(bench.project, 'out.pcapng');
  writeFileSync(file, pcapng.bytes);
  const told = execFileSync('tshark', ['-r', file, '-T', 'fields', '-e', 'data.data'], { encoding: 'utf8' });
  assert.match(told.replace(/:/g, ''), new RegExp(Buffer.from('keep this').toString('hex')));
});

trial('what was cleared is gone, and what comes is shown', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('before\n');
  await row(page, 'before').waitFor();
  await button(page, 'Clear').click();
  await row(page, 'before').waitFor({ state: 'detached' });
  peer.write('after\n');
  await row(page, 'after').waitFor();
  assert.doesNotMatch((await contents(page)).join(), /before/);
});

trial('times are of day, since the start, or since a row', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  peer.write('one\ntwo\n');
  await row(page, 'two').waitFor();
  await page.getByLabel('Times').selectOption('since the start');
  await until(async () => /^\+?\d+\.\d+/.test((await seen(page)).at(-1)[1]), async () => JSON.stringify(await seen(page)));
  await row(page, 'one').click();
  await page.keyboard.press('t');
  await until(async () => (await seen(page)).some((cells) => cells.at(-1) === 'one' && /^[+-]?0(\.0+)?( s)?$/.test(cells[1])), 'the row is not the time 0');
});

trial('a row that the wire asks for is chosen', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 120; i++) peer.write(`w${i}\n`);
  await row(page, 'w119').waitFor();
  await tab(page, 'Wire');
  await page.getByRole('button', { name: 'Show in the timeline' }).or(page.locator('[data-step], .step').first()).first().waitFor();
  const step = page.locator('[role=option], [role=row], .step').filter({ hasText: /read/i }).first();
  await step.click();
  await page.getByRole('button', { name: 'Show in the timeline' }).first().click();
  await inGrid(page).locator('.active').waitFor();
});

/** Little memory, and no folder for what does not fit into it. */
const FORGETFUL = { args: ['--history', '1MiB'], env: { XDG_CACHE_HOME: '/dev/null' } };

/** Has answers with rows come so late that news overtake them. */
const SLOW_ROWS = `
  window.WebSocket = class extends WebSocket {
    set onmessage(hear) {
      super.onmessage = (event) => (event.data.includes('"rows":[') ? setTimeout(() => hear(event), 150) : hear(event));
    }
  };`;

trial('the latest row is shown when rows come late and older ones are let go', { ...FORGETFUL, script: SLOW_ROWS }, async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  const some = `${'x'.repeat(900)}\n`.repeat(40);
  for (let i = 0; i < 40; i++) peer.write(some);
  for (let i = 0; i < 10; i++) {
    peer.write(`${some}before ${i}\n`);
    // The rows of these are asked for, and have not come.
    await new Promise((resolve) => setTimeout(resolve, 40 + 10 * i));
    peer.write(`${some}the last ${i}\n`);
    await row(page, `the last ${i}`).waitFor();
  }
});

trial('what the memory cannot hold is let go, and said', FORGETFUL, async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  const many = Array.from({ length: 2000 }, (_, i) => `${i} ${'x'.repeat(90)}\n`).join('');
  for (let i = 0; i < 20; i++) peer.write(many);
  peer.write('the last\n');
  await row(page, 'the last').waitFor();
  await page.getByText(/older messages were let go/).first().waitFor();
  await inGrid(page).press('g');
  await page.locator('.rows .let-go').waitFor();
  await inGrid(page).press('G');
  await row(page, 'the last').waitFor();
});
