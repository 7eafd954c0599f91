// Rooms: served by one page, joined from another one, in the other language, and by nc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { go, lookAt, stage, until } from './look.mjs';
import { end, start } from './program.mjs';

/** A page at the rooms. */
async function visitor(t, lang) {
  const { page, w } = await stage(t, { lang });
  await go(page, 'rooms');
  return { page, w };
}

/** Serves a room by the dialog; gives its address. */
async function serve({ page, w }, { name = '', topic = '' } = {}) {
  await page.getByRole('button', { name: w('rooms.serve') }).click();
  const dialog = page.getByRole('dialog', { name: w('rooms.serve-title') });
  await dialog.getByLabel(w('rooms.name'), { exact: true }).fill(name);
  await dialog.getByLabel(w('rooms.topic')).fill(topic);
  await dialog.getByRole('button', { name: w('rooms.serve'), exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
  return (await page.getByRole('heading', { level: 2 }).getByText('tcp://').innerText()).trim();
}

/** Joins a room by the dialog. */
async function join({ page, w }, endpoint, nick) {
  await page.getByRole('button', { name: w('rooms.join'), exact: true }).click();
  const dialog = page.getByRole('dialog', { name: w('rooms.join-title') });
  await dialog.getByLabel(w('rooms.endpoint')).fill(endpoint);
  await dialog.getByLabel(w('rooms.nick')).fill(nick);
  await dialog.getByRole('button', { name: w('rooms.join'), exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

const log = ({ page, w }) => page.getByRole('log', { name: w('rooms.lines') });
const members = ({ page, w }) => page.getByRole('complementary', { name: w('rooms.members') });
const hears = (visitor, text) => log(visitor).getByText(text).first().waitFor();

async function say({ page, w }, text, label = w('rooms.say')) {
  const box = page.getByLabel(label, { exact: true });
  await box.fill(text);
  await box.press('Enter');
}

/** Joins as one does without Sockpit. */
async function netcat(t, endpoint, nick) {
  const [, host, port] = /\/\/(.*):(\d+)/.exec(endpoint);
  const child = start('nc', [host, port]);
  t.after(() => end(child));
  child.stdin.write(`${nick}\n`);
  await until(() => child.output.includes(nick), 'the greeting of nc');
  return child;
}

for (const [host, guest] of [['en', 'zh'], ['zh', 'en']]) {
  test(`a room is served in ${host}, joined in both languages and by nc, and everybody hears everybody`, async (t) => {
    const ann = await visitor(t, host);
    const endpoint = await serve(ann, { topic: 'tea' });
    await ann.page.getByRole('button', { name: ann.w('rooms.join-it') }).click();
    const dialog = ann.page.getByRole('dialog', { name: ann.w('rooms.join-title') });
    assert.equal(await dialog.getByLabel(ann.w('rooms.endpoint')).inputValue(), endpoint);
    await dialog.getByLabel(ann.w('rooms.nick')).fill('ann');
    await dialog.getByRole('button', { name: ann.w('rooms.join'), exact: true }).click();
    await members(ann).getByText('ann').waitFor();

    const bo = await visitor(t, guest);
    await join(bo, endpoint, '小波');
    const cat = await netcat(t, endpoint, 'cat');
    for (const one of [ann, bo]) for (const name of ['ann', '小波', 'cat']) await members(one).getByText(name).waitFor();

    await say(ann, 'hello, everybody');
    await hears(bo, 'hello, everybody');
    await until(() => cat.output.includes('hello, everybody'), 'nc to hear');
    await say(bo, '大家好');
    await hears(ann, '大家好');
    cat.stdin.write('meow\n');
    for (const one of [ann, bo]) await hears(one, 'meow');

    // What is told to one alone, the others do not hear.
    await members(ann).getByRole('button', { name: '小波' }).click();
    await say(ann, 'between us', ann.w('rooms.tell', { name: '小波' }));
    await hears(bo, 'between us');
    await ann.page.getByRole('button', { name: ann.w('rooms.tell-all') }).click();

    // Lines of a room that is not looked at are counted.
    await ann.page.getByRole('navigation', { name: ann.w('rooms.list') }).getByRole('button').filter({ hasText: ann.w('rooms.served') }).click();
    await say(bo, 'are you there?');
    await ann.page.locator('.unread').filter({ hasText: /^1$/ }).waitFor();
    // The server says something to all.
    await say(ann, 'tea is ready', ann.w('rooms.announce'));
    await hears(bo, 'tea is ready');
    await until(() => cat.output.includes('tea is ready'), 'nc to hear the server');
    assert.ok(!cat.output.includes('between us'));

    await ann.page.getByRole('navigation', { name: ann.w('rooms.list') }).getByRole('button').filter({ hasText: 'ann' }).click();
    await hears(ann, 'are you there?');
    assert.equal(await ann.page.locator('.unread').count(), 0);
    await lookAt(ann.page, `room-${host}`);

    await end(cat);
    await hears(bo, bo.w('rooms.has-left', { name: '\u2068cat\u2069' }));
    await bo.page.getByRole('button', { name: bo.w('rooms.leave') }).click();
    await bo.page.getByText(bo.w('rooms.none-hint')).waitFor();
    await until(async () => (await members(ann).getByText('小波').count()) === 0, 'the one who left');

    // The room is closed: who is in it is told.
    await ann.page.getByRole('navigation', { name: ann.w('rooms.list') }).getByRole('button').filter({ hasText: ann.w('rooms.served') }).click();
    await ann.page.getByRole('button', { name: ann.w('rooms.close') }).click();
    await ann.page.locator('.why').waitFor();
    for (const one of [ann, bo]) assert.deepEqual(one.page.wrongs, []);
  });
}

test('what cannot be joined or served is said in the dialog', async (t) => {
  const ann = await visitor(t, 'en');
  const { page, w } = ann;
  await page.getByRole('button', { name: w('rooms.join'), exact: true }).click();
  const dialog = page.getByRole('dialog', { name: w('rooms.join-title') });
  await dialog.getByLabel(w('rooms.endpoint')).fill('tcp://127.0.0.1:99999');
  await dialog.getByLabel(w('rooms.nick')).fill('ann');
  await dialog.getByRole('button', { name: w('rooms.join'), exact: true }).click();
  await dialog.getByRole('alert').getByText('99999').waitFor();
  await lookAt(page, 'room-join');
  await dialog.getByRole('button', { name: w('shell.cancel') }).click();
  await page.getByRole('button', { name: w('rooms.serve') }).click();
  const serving = page.getByRole('dialog', { name: w('rooms.serve-title') });
  await serving.getByLabel(w('rooms.endpoint')).fill('nothing://');
  await serving.getByRole('button', { name: w('rooms.serve'), exact: true }).click();
  await serving.getByRole('alert').waitFor();
  await lookAt(page, 'room-serve');
  assert.deepEqual(page.wrongs, []);
});
