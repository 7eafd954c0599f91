// Rules: as cards and as TOML, tried before they count, and counted when they answer.
import assert from 'node:assert/strict';
import { begin, button, dialTo, make, server, tab, trial } from './desk.mjs';
import { until } from './look.mjs';

const field = (page, name) => page.getByLabel(name, { exact: true });
const toml = (page) => page.getByRole('textbox', { name: 'Rules as TOML' });
const way = (page, name) => page.getByRole('tab', { name, exact: true }).click();

async function addRule(page, number, when, pattern, then, payload) {
  await button(page, '＋ Add a rule').click();
  const card = page.getByRole('listitem', { name: `rule ${number}` });
  await card.getByLabel(`When: rule ${number}`).selectOption(when);
  if (pattern !== null) await card.getByLabel(when, { exact: true }).fill(pattern);
  await card.getByLabel(`Then: rule ${number}`).selectOption(then);
  if (payload !== null) await card.getByLabel(then, { exact: true }).fill(payload);
}

trial('cards become TOML and TOML becomes cards', async ({ page }) => {
  await server(page);
  await tab(page, 'Rules');
  await addRule(page, 1, 'it is', 'PING', 'answer text', 'PONG\\r\\n');
  await addRule(page, 2, 'regex', '^get (\\w+)$', 'answer text', '${1}=1');
  await way(page, 'TOML');
  await until(async () => /\$\{1\}=1/.test(await toml(page).inputValue()), async () => toml(page).inputValue());
  const text = await toml(page).inputValue();
  assert.match(text, /equals = "PING"/);
  assert.match(text, /reply = "PONG\\r\\n"/);
  await toml(page).fill(`${text}\n# stays\n[[rule]]\nhex = "AA ??"\nreply_hex = "BB"\n`);
  await way(page, 'Answers');
  await field(page, 'has bytes (hex)').waitFor();
  assert.equal(await field(page, 'has bytes (hex)').inputValue(), 'AA ??');
  await way(page, 'TOML');
  assert.match(await toml(page).inputValue(), /# stays/);
  await toml(page).fill('[[rule]]\nequals = "x"\nanswers = "y"\n');
  await page.getByRole('alert').getByText(/answers/).waitFor();
  await page.getByRole('button', { name: /^Line 3, column/ }).waitFor();
  assert.ok(await button(page, 'Apply').isDisabled());
  await button(page, 'Discard changes').click();
  assert.equal(await toml(page).inputValue(), '');
});

trial('a message is tried on them, and nothing is sent', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await tab(page, 'Rules');
  await addRule(page, 1, 'it contains', 'temp', 'answer text', '21.5');
  await addRule(page, 2, 'any message', null, 'in capital letters', null);
  const message = page.getByRole('textbox', { name: 'Message' });
  await message.fill('temp?');
  await page.getByText('1 rule fits').or(page.getByText('2 rules fit')).waitFor();
  await page.locator('.try .out').getByText('21.5').waitFor();
  await page.getByRole('listitem', { name: 'rule 1' }).getByText('fits').waitFor();
  await message.fill('hello');
  await page.locator('.try .out').getByText('HELLO').waitFor();
  await page.getByLabel('How the message is written').selectOption('Hex');
  await message.fill('61 62');
  await page.locator('.try .out').getByText('AB').waitFor();
  assert.equal(peer.heard.length, 0);
});

trial('what is applied answers at once, and its hits are counted', async ({ page, t }) => {
  const peer = await dialTo(t, await server(page));
  await tab(page, 'Rules');
  await addRule(page, 1, 'it is', 'PING', 'answer text', 'PONG');
  await addRule(page, 2, 'it begins with', 'echo', 'echo it', null);
  await button(page, 'Apply').click();
  await page.getByText('The open session answers by these rules now.').waitFor();
  peer.write('PING\necho me\nPING\nnothing\n');
  await peer.hears('PONG\necho me\nPONG\n');
  await page.getByRole('listitem', { name: 'rule 1' }).getByText('2 hits').waitFor();
  await page.getByRole('listitem', { name: 'rule 2' }).getByText('1 hit').waitFor();
  await button(page, 'Move up: rule 2').click();
  await page.getByText('changed', { exact: true }).waitFor();
  await page.keyboard.press('Control+s');
  await page.getByText('changed', { exact: true }).waitFor({ state: 'detached' });
  assert.ok(String(peer.heard).endsWith('PONG\n'));
});

trial('a script says and waits, as on the command line', async ({ page, t }) => {
  await make(page, { port: 0, framing: 'lines' });
  await tab(page, 'Rules');
  await way(page, 'Script');
  await button(page, '＋ Send').click();
  const steps = page.locator('.editing ol > li');
  await steps.nth(0).getByRole('textbox').first().fill('who are you?');
  await button(page, '＋ Expect').click();
  await steps.nth(1).locator('select').last().selectOption('it contains');
  await steps.nth(1).getByLabel('it contains', { exact: true }).fill('me');
  await button(page, 'Apply').click();
  await page.getByText('The session has these rules.').waitFor();
  const peer = await dialTo(t, await begin(page));
  await peer.hears('who are you?');
});
