// The composer: what is typed, the bytes that it becomes, and how they leave, as the peer counts them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { button, dialTo, make, row, server, trial } from './desk.mjs';
import { until } from './look.mjs';

const text = (page) => page.getByLabel('Text', { exact: true }).and(page.locator('textarea'));
const hex = (page) => page.getByLabel('Hex', { exact: true }).and(page.locator('textarea'));
const preview = (page) => page.getByLabel('What leaves');
const composer = (page) => page.getByRole('region', { name: 'Send' });

/** The bytes that the preview shows, of what it calls so, or all of them. */
async function leaving(page, what = '') {
  const runs = await preview(page)
    .locator('.run')
    .evaluateAll((all) => all.map((run) => [run.querySelector('.label').textContent, run.textContent.slice(run.querySelector('.label').textContent.length)]));
  return runs.filter(([label]) => what === '' || label === what).map(([, bytes]) => bytes.trim()).join(' ');
}

const leaves = (page, wanted, what) =>
  until(async () => (await leaving(page, what)) === wanted, async () => wanted).catch(async () => assert.equal(await leaving(page, what), wanted));

trial('the twin fields are kept in step, with escapes and charsets', async ({ page, t }) => {
  await server(page, { framing: 'raw' });
  await page.getByLabel('Line end').selectOption('none');
  await text(page).fill('AB\\r\\n');
  await until(async () => (await hex(page).inputValue()) === '41 42 0D 0A');
  await leaves(page, '41 42 0D 0A');
  await hex(page).fill('31 32 0d');
  await until(async () => (await text(page).inputValue()) === '12\\r', async () => text(page).inputValue());
  await text(page).fill('你好');
  await until(async () => (await hex(page).inputValue()) === 'E4 BD A0 E5 A5 BD');
  await composer(page).getByLabel('Charset').selectOption('gbk');
  await until(async () => (await hex(page).inputValue()) === 'C4 E3 BA C3', async () => hex(page).inputValue());
  await hex(page).fill('c4 e3');
  await until(async () => (await text(page).inputValue()) === '你', async () => text(page).inputValue());
  await page.getByLabel('Escapes').uncheck();
  await composer(page).getByLabel('Charset').selectOption({ index: 0 });
  await text(page).fill('a\\n');
  await leaves(page, '61 5C 6E');
  await hex(page).fill('4g');
  await composer(page).getByRole('alert').waitFor();
  assert.ok(await button(page, 'Send').isDisabled());
  await composer(page).getByRole('button', { name: 'Show where' }).click();
  assert.equal(await hex(page).evaluate((field) => field.value.slice(field.selectionStart, field.selectionEnd)), 'g');
});

trial('checksum, its range and order, and line end stand in the preview and leave so', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'raw' }));
  await page.getByText('1 peer').first().waitFor();
  await hex(page).fill('01 03 00 00 00 0A');
  await page.getByLabel('Line end').selectOption('none');
  await composer(page).getByRole('button', { name: /^Checksum/ }).click();
  const box = page.getByRole('dialog', { name: 'Checksum of what is sent' });
  const names = await box.getByLabel('Algorithm').locator('option').allInnerTexts();
  const modbus = names.find((name) => /modbus/i.test(name));
  await box.getByLabel('Algorithm').selectOption(modbus);
  await leaves(page, 'C5 CD', 'checksum');
  await box.getByLabel('Byte order').selectOption('high byte first');
  await leaves(page, 'CD C5', 'checksum');
  await box.getByLabel('Byte order').selectOption('low byte first');
  await box.getByLabel('From byte').fill('1');
  await until(async () => (await leaving(page, 'checksum')) !== 'C5 CD' && (await leaving(page, 'checksum')) !== 'CD C5');
  await box.getByLabel('From byte').fill('');
  await leaves(page, 'C5 CD', 'checksum');
  await page.keyboard.press('Escape');
  await page.getByLabel('Line end').selectOption('CRLF \\r\\n');
  await leaves(page, '0D 0A', 'line end');
  // The checksum is over the line end, too, and stands behind it.
  await leaves(page, '16 52', 'checksum');
  await hex(page).press('Control+Enter');
  await peer.hears(10);
  assert.equal(peer.heard.toString('hex'), '01030000000a0d0a1652');
});

trial('all that is sent off in quick succession leaves, in order', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await page.getByText('1 peer').first().waitFor();
  await page.getByLabel('Clear after').check();
  await text(page).focus();
  await page.evaluate(() => {
    const field = document.activeElement;
    for (const word of ['one', 'two', 'three', 'on its way']) {
      field.value = word;
      field.dispatchEvent(new Event('input', { bubbles: true }));
      if (word.includes(' ')) return;
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true }));
    }
  });
  await peer.hears('one\ntwo\nthree\n');
  await until(() => button(page, 'Send').isEnabled());
  assert.equal(await text(page).inputValue(), 'on its way');
});

trial('Ctrl+Enter sends, arrows walk through what was sent, the history lists it', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await page.getByText('1 peer').first().waitFor();
  for (const word of ['one', 'two', 'three']) {
    await text(page).fill(word);
    await text(page).press('Control+Enter');
    await peer.hears(word);
  }
  // The page knows of the last one when it can send again.
  await until(() => button(page, 'Send').isEnabled());
  await text(page).fill('draft');
  await text(page).press('ArrowUp');
  await until(async () => (await text(page).inputValue()) === 'three');
  await text(page).press('ArrowUp');
  await until(async () => (await text(page).inputValue()) === 'two');
  await text(page).press('ArrowDown');
  await text(page).press('ArrowDown');
  await until(async () => (await text(page).inputValue()) === 'draft', async () => text(page).inputValue());
  await button(page, 'History').click();
  await page.getByRole('searchbox', { name: 'Filter' }).fill('on');
  await page.getByRole('dialog', { name: 'What was sent before' }).getByRole('button', { name: /one/ }).click();
  await until(async () => (await text(page).inputValue()) === 'one');
  await page.getByLabel('Clear after').check();
  await text(page).press('Control+Enter');
  await until(async () => (await text(page).inputValue()) === '');
  await until(() => String(peer.heard) === 'one\ntwo\nthree\none\n', () => JSON.stringify(String(peer.heard)));
});

trial('periodic sending counts to its end at 1 ms, and stops when told', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await page.getByText('1 peer').first().waitFor();
  await text(page).fill('tick');
  const form = page.getByRole('form', { name: 'Periodic sending' });
  await form.getByLabel('every').fill('1');
  await form.getByLabel(/^How often/).fill('500');
  await form.getByRole('button', { name: 'Start' }).click();
  await peer.hears(500 * 5);
  await page.getByRole('list', { name: 'What is being sent' }).waitFor({ state: 'detached' });
  assert.equal(String(peer.heard), 'tick\n'.repeat(500));

  await form.getByLabel(/^How often/).fill('');
  await form.getByLabel('every').fill('20');
  await form.getByRole('button', { name: 'Start' }).click();
  await peer.hears(510 * 5);
  await page.getByRole('button', { name: /^Stop/ }).click();
  await page.getByRole('list', { name: 'What is being sent' }).waitFor({ state: 'detached' });
  assert.ok(peer.heard.length < 2000 * 5);
  await form.getByLabel('every').fill('0');
  assert.ok(await form.getByRole('button', { name: 'Start' }).isDisabled());
});

trial('a file arrives with the same hash, by choosing and by dropping', async ({ page, bench, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'raw' }));
  await page.getByText('1 peer').first().waitFor();
  const bytes = randomBytes(8 << 20);
  const path = join(bench.project, 'big.bin');
  writeFileSync(path, bytes);
  await composer(page).getByRole('button', { name: 'File', exact: true }).click();
  const box = page.getByRole('dialog', { name: 'Send a file' });
  await box.locator('input[type=file]').setInputFiles(path);
  await box.getByText('8 MiB').waitFor();
  await box.getByRole('button', { name: 'Send file' }).click();
  await peer.hears(bytes.length);
  const hash = (what) => createHash('sha256').update(what).digest('hex');
  assert.equal(hash(peer.heard), hash(bytes));
  await page.getByText(/big\.bin was sent: 8 MiB/).waitFor();
  await page.keyboard.press('Escape');

  const data = await page.evaluateHandle(() => {
    const held = new DataTransfer();
    held.items.add(new File(['dropped, as lines\nand two'], 'small.txt'));
    return held;
  });
  await composer(page).dispatchEvent('dragover', { dataTransfer: data });
  await composer(page).dispatchEvent('drop', { dataTransfer: data });
  await box.getByText('small.txt').waitFor();
  await box.getByLabel('lines, each a message').check();
  await box.getByRole('button', { name: 'Send file' }).click();
  await peer.hears('and two');
});

trial('half and sticky packets are made on purpose', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'raw' }));
  await page.getByText('1 peer').first().waitFor();
  const reads = [];
  peer.on('data', (bytes) => reads.push(String(bytes)));
  await composer(page).getByRole('button', { name: 'Half / sticky' }).click();
  const box = page.getByRole('dialog', { name: /Half and sticky/ });
  await box.getByLabel('Places, such as 3,-1').fill('2');
  await box.getByLabel('Pause between the pieces').fill('1500ms');
  await box.getByRole('button', { name: 'Use' }).click();
  await composer(page).getByRole('button', { name: 'cut at 2' }).waitFor();
  await page.getByLabel('Line end').selectOption('none');
  await text(page).fill('HALFWAY');
  await text(page).press('Control+Enter');
  await peer.hears('HALFWAY');
  assert.deepEqual(reads, ['HA', 'LFWAY']);

  await composer(page).getByRole('button', { name: 'cut at 2' }).click();
  await box.getByLabel('Each message is one write').check();
  await box.getByLabel('Bytes, a time, or both').fill('6');
  await box.getByRole('button', { name: 'Use' }).click();
  await composer(page).getByRole('button', { name: 'held 6' }).waitFor();
  reads.length = 0;
  for (const word of ['ab', 'cd', 'ef']) {
    await text(page).fill(word);
    await text(page).press('Control+Enter');
    await until(() => button(page, 'Send').isEnabled());
  }
  await peer.hears('abcdef');
  assert.deepEqual(reads, ['abcdef']);
});

trial('what stands in the way of sending is said', async ({ page }) => {
  await make(page, { port: 0 });
  await composer(page).getByRole('button', { name: 'Open and send' }).waitFor();
  await button(page, 'Open').click();
  await composer(page).getByText('No peer is connected yet.').waitFor();
  assert.ok(await button(page, 'Send').isDisabled());
  await text(page).fill('kept');
  await page.reload();
  await until(async () => (await text(page).inputValue()) === 'kept');
  await button(page, 'Fold').click();
  await text(page).waitFor({ state: 'detached' });
  await page.locator('body').press('i');
  await text(page).waitFor();
});

trial('the sending area leaves room for the rows, and grows by hand', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  for (let i = 0; i < 60; i++) peer.write(`line ${i}\n`);
  await row(page, 'line 59').waitFor();
  const room = () => page.getByRole('grid', { name: 'Timeline' }).evaluate((grid) => Math.floor((grid.clientHeight - 23) / 22));
  assert.ok((await room()) >= 15, String(await room()));
  await text(page).fill('1\n2\n3\n4\n5');
  const grown = await text(page).evaluate((field) => field.clientHeight);
  assert.ok(grown > 70, String(grown));
  const grip = page.getByRole('separator', { name: 'Height of the sending area' });
  await grip.focus();
  const before = Number(await grip.getAttribute('aria-valuenow'));
  await grip.press('ArrowUp');
  await until(async () => Number(await grip.getAttribute('aria-valuenow')) > before);
});
