// Send lists: written by hand, brought from SSCOM, sent one by one and run in their time.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { button, dialTo, downloaded, server, tab, trial } from './desk.mjs';
import { until } from './look.mjs';

/** As SSCOM 5 writes it: GBK, CRLF, four digits for what is not a row. */
const SSCOM = [
  ';=0时候表示不循环',
  'N101=1,turn on,100',
  'N1=H,01 03 00 00 00 02 C4 0B',
  '',
  'N102=2,ask,50',
  'N2=A,AT+VER?',
  '',
  'N103=0,note,1000',
  'N3=A,',
  '',
  'N1051=,115200',
  'N1080=,N',
].join('\r\n');

const cell = (page, name) => page.getByRole('textbox', { name, exact: true });

trial('a list is written, sent row by row, and run round after round', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await page.getByText('1 peer').first().waitFor();
  await tab(page, 'Send lists');
  await button(page, '＋ New list').click();
  await cell(page, 'What is sent: row 1').fill('first');
  await cell(page, 'What is sent: row 1').press('Enter');
  await cell(page, 'What is sent: row 2').fill('32 64');
  await page.getByRole('checkbox', { name: 'Hex: row 2' }).check();
  await until(async () => (await cell(page, 'What is sent: row 2').inputValue()) !== '32 64');
  await cell(page, 'What is sent: row 2').fill('32 6e 64');
  await cell(page, 'Name: row 2').fill('second');
  await cell(page, 'Delay before: second').fill('20');
  await cell(page, 'Delay before: second').blur();
  await button(page, 'Send: row 1').click();
  await peer.hears('first\n');
  await cell(page, 'What is sent: second').press('Control+Enter');
  await peer.hears('2nd\n');

  await page.getByRole('spinbutton', { name: 'Rounds' }).fill('3');
  await page.getByRole('spinbutton', { name: 'Rounds' }).blur();
  peer.heard = Buffer.alloc(0);
  await page.getByRole('button', { name: '▶ Run' }).click();
  await peer.hears('first\n2nd\n'.repeat(3));
  await page.getByRole('button', { name: '▶ Run' }).waitFor();
  assert.equal(String(peer.heard), 'first\n2nd\n'.repeat(3));

  await page.getByRole('checkbox', { name: 'Endless' }).check();
  await page.getByRole('button', { name: '▶ Run' }).click();
  await peer.hears('first\n2nd\n'.repeat(6));
  await page.getByRole('button', { name: '■ Stop' }).click();
  await page.getByRole('button', { name: '▶ Run' }).waitFor();
});

trial('the list of SSCOM comes in with names, delays and order', async ({ page, bench, t }) => {
  const peer = await dialTo(t, await server(page, { framing: 'raw' }));
  await page.getByText('1 peer').first().waitFor();
  await tab(page, 'Send lists');
  const path = join(bench.project, 'sscom51.ini');
  // 开灯 in GBK.
  writeFileSync(path, Buffer.concat([Buffer.from(SSCOM.slice(SSCOM.indexOf('N101')).replace('turn on', '¤')).subarray(0, 7), Buffer.from('bfaab5c6', 'hex'), Buffer.from(SSCOM.slice(SSCOM.indexOf(',100')))]));
  await page.locator('.lists input[type=file]').setInputFiles(path);
  const told = page.getByRole('dialog', { name: 'Imported: sscom51.ini' });
  await told.getByText(/lists? (was|were) added/).waitFor();
  await told.getByRole('button', { name: 'Close' }).click();
  await cell(page, 'What is sent: 开灯').waitFor();
  assert.match(await cell(page, 'What is sent: 开灯').inputValue(), /^01 ?03 ?00 ?00 ?00 ?02 ?C4 ?0B$/i);
  await button(page, 'Send: 开灯').click();
  await peer.hears(8);
  assert.equal(peer.heard.toString('hex'), '010300000002c40b');
  await button(page, 'Send: ask').click();
  await peer.hears('AT+VER?');
  // What was brought in is part of the session, as TOML.
  const { name, bytes } = await downloaded(page, () => button(page, 'Export as TOML').click());
  assert.match(name, /\.toml$/);
  assert.match(String(bytes), /\[\[list\]\]/);
  await button(page, 'Save').click();
  await page.getByText('Saved', { exact: true }).waitFor();
  assert.match(readFileSync(join(bench.project, 'Session.toml'), 'utf8'), /开灯/);
});

trial('rows move, are doubled and removed by keys; a wrong row is marked', async ({ page }) => {
  await server(page);
  await tab(page, 'Send lists');
  await button(page, '＋ New list').click();
  for (const [i, word] of ['a', 'b', 'c'].entries()) {
    if (i > 0) await button(page, '＋ Add a row').click();
    await cell(page, `What is sent: row ${i + 1}`).fill(word);
  }
  const all = () => page.locator('.lists tbody .payload :is(input, textarea)').evaluateAll((fields) => fields.map((field) => field.value).join());
  await cell(page, 'What is sent: row 3').press('Alt+ArrowUp');
  await until(async () => (await all()) === 'a,c,b', all);
  await cell(page, 'What is sent: row 1').press('Control+d');
  await until(async () => (await all()) === 'a,a,c,b', all);
  await cell(page, 'What is sent: row 1').press('Control+Delete');
  await until(async () => (await all()) === 'a,c,b', all);
  await page.getByRole('checkbox', { name: 'Hex: row 2' }).check();
  await cell(page, 'What is sent: row 2').fill('0g');
  await page.getByRole('alert').getByText(/hex/i).waitFor();
  await until(async () => (await cell(page, 'What is sent: row 2').getAttribute('aria-invalid')) === 'true');
  await cell(page, 'What is sent: row 2').fill('0a');
  await page.getByRole('alert').waitFor({ state: 'detached' });
});
