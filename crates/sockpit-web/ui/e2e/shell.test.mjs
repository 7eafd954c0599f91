// The page as a whole: languages, themes, keys, one keyboard and no mouse, a program that goes away,
// small screens, and what axe says of every screen.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY, end, folder, start } from './program.mjs';
import { begin, button, dialTo, make, row, rows, server, tab, trial, write } from './desk.mjs';
import { axe, until } from './look.mjs';

const SIZES = [
  { width: 1280, height: 720 },
  { width: 390, height: 844 },
];

trial('the language is switched on the spot, and kept', async ({ page, t }) => {
  const port = await server(page);
  (await dialTo(t, port)).write('in between\n');
  await row(page, 'in between').waitFor();
  await page.evaluate(() => (window.isSame = true));
  await button(page, '中文').click();
  await page.getByRole('link', { name: '端口' }).waitFor();
  await page.getByText('in between').waitFor();
  assert.equal(await page.evaluate(() => window.isSame), true);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  // Labels of rows and complaints of the program, too.
  await page.getByRole('textbox', { name: '端口' }).waitFor();
  await page.getByRole('combobox', { name: '过滤' }).fill('len >');
  assert.match(await page.locator('#filter-complaint').innerText(), /[\u4e00-\u9fff]/);
  await page.getByRole('combobox', { name: '过滤' }).fill('');
  await page.reload();
  await page.getByRole('link', { name: '端口' }).waitFor();
  await button(page, 'English').click();
  await page.getByRole('link', { name: 'Ports' }).waitFor();
});

trial('a browser in Chinese gets Chinese', { lang: 'zh' }, async ({ page }) => {
  await page.getByRole('link', { name: '会话' }).first().waitFor();
  // No sentence was forgotten: what is seen has no English words but names.
  const words = (await page.locator('body').innerText()).match(/[A-Za-z]{3,}/g) ?? [];
  const names = /^(Sockpit|sockpit|page|Tello|Ctrl|English|SSCOM|llcom|[A-Za-z]*\d*)$/;
  assert.deepEqual(words.filter((word) => word.length > 8 && !names.test(word)), []);
});

trial('themes: as the system, light, dark; kept', async ({ page }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const first = await ground();
  await button(page, 'Theme: as the system').click();
  assert.equal(await ground(), first);
  await button(page, 'Theme: light').click();
  const dark = await ground();
  assert.notEqual(dark, first);
  await page.reload();
  await button(page, 'Theme: dark').waitFor();
  assert.equal(await ground(), dark);
});

trial('the palette does what is typed, and the keys are listed', async ({ page, t }) => {
  (await dialTo(t, await server(page))).write('hallo\n');
  await row(page, 'hallo').waitFor();
  await page.keyboard.press('Control+k');
  const asked = page.getByRole('combobox', { name: 'Type what you want to do' });
  await asked.fill('go netw');
  await asked.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Networks' }).waitFor({ state: 'attached' });
  await page.keyboard.press('Control+k');
  await asked.fill('session');
  await page.getByRole('option').first().waitFor();
  await asked.fill('xyzzy');
  await page.getByText('Nothing is called so').waitFor();
  await asked.press('Escape');
  await page.getByRole('link', { name: 'Sessions' }).click();
  await row(page, 'hallo').waitFor();
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await keys.waitFor();
  const listed = await keys.locator('kbd').allInnerTexts();
  for (const key of ['/', 'j', 'k', 'g', 'G', 'Space', 'f', 'x', '?', 'Ctrl+k']) assert.ok(listed.includes(key), `${key} of ${listed}`);
  await page.keyboard.press('Escape');
  await keys.waitFor({ state: 'detached' });
});

trial('a key typed right after a dialog was left opens the next one', async ({ page }) => {
  await make(page, { port: 0 });
  for (const [key, next, name] of [['e', 'y', 'Copy as command'], ['y', 'e', 'Options'], ['e', 'e', 'Options']]) {
    await page.keyboard.press(key);
    await page.locator('dialog[open]').waitFor();
    // The key comes as soon as it can: after what is done at once, before the browser tells of what was closed.
    await page.evaluate(async (typed) => {
      document.querySelector('dialog[open]').close();
      for (let i = 0; i < 10; i++) await null;
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: typed, bubbles: true }));
    }, next);
    const dialog = page.getByRole('dialog', { name });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
});

trial('keys leave alone what is behind a dialog', async ({ page }) => {
  await make(page, { port: 0 });
  await page.keyboard.press('y');
  const dialog = page.getByRole('dialog', { name: 'Copy as command' });
  await dialog.getByRole('button', { name: 'Close' }).focus();
  await page.keyboard.press('o');
  await page.keyboard.press('e');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await page.locator('dialog[open]').count(), 0);
  await page.locator('.bar .state').getByText('closed').waitFor();
  await page.keyboard.press('o');
  await page.locator('.bar .state .open').waitFor();
});

/** Presses Tab until what has the focus is called so. */
async function tabTo(page, name) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const is = await page.evaluate(() => {
      const { activeElement: at } = document;
      return at?.getAttribute('aria-label') ?? at?.closest('label')?.innerText.trim() ?? at?.textContent.trim() ?? '';
    });
    if (is === name) return;
  }
  throw new Error(`Tab does not come to ${name}`);
}

trial('the keyboard alone makes a server, opens it, finds a message and answers it', async ({ page, t }) => {
  await button(page, '+ New session').waitFor();
  await page.keyboard.press('c');
  await page.getByLabel('Protocol').waitFor();
  await tabTo(page, 'port');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('0');
  await tabTo(page, 'Open');
  await page.keyboard.press('Enter');
  await page.locator('.bar .state .open').waitFor();
  const port = Number(/:(\d+)\s/.exec(await page.locator('.bar .state').innerText())[1]);
  await tabTo(page, 'Framing');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('lines');
  await page.keyboard.press('Tab');
  const peer = await dialTo(t, port);
  peer.write('noise\nwhat time is it?\nnoise\n');
  await row(page, 'what time').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('text ~ time');
  await page.keyboard.press('Enter');
  await until(async () => (await rows(page).count()) === 1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Detail' }).getByText(/selected|Select bytes/).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('i');
  await page.keyboard.type('noon');
  await page.keyboard.press('Control+Enter');
  await peer.hears('noon\n');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+s');
  await page.getByText('Saved', { exact: true }).waitFor();
});

trial('a program that was killed and started again: the page says what is lost', async ({ page, bench, t }) => {
  await make(page, { port: 0 });
  await button(page, 'Save').click();
  await page.getByText('Saved', { exact: true }).waitFor();
  await make(page, { port: 0 });
  bench.child.kill('SIGKILL');
  await page.locator('.banner').getByText(/does not answer/).waitFor();
  await button(page, 'Open').click();
  await page.locator('.bar [role=alert]').getByText('the program does not answer').waitFor();
  const again = start(BINARY, ['workbench', '--port', new URL(bench.url).port, '--no-open', '--project', bench.project]);
  t.after(() => end(again));
  await page.getByRole('alert').getByText(/started again, and what was not saved is lost/).waitFor();
  const url = await until(() => /http:\/\/\S+#token=\S+/.exec(again.output)?.[0], () => again.errors);
  await page.goto(url);
  await page.reload();
  const list = page.getByRole('navigation', { name: 'Sessions' });
  await until(async () => (await list.getByRole('link').count()) === 2, 'the saved session is there, and that alone');
  // The browser itself says that nobody listened meanwhile.
  page.wrongs = page.wrongs.filter((wrong) => !/ERR_CONNECTION|WebSocket/.test(wrong));
  assert.ok(existsSync(join(bench.project, 'Session.toml')));
});

const tokenFile = join(folder(), 'token');
trial('a program that keeps its token is found again', { args: ['--token-file', tokenFile] }, async ({ page, bench, t }) => {
  (await dialTo(t, await server(page))).write('before\n');
  await row(page, 'before').waitFor();
  await button(page, 'Save').click();
  await page.getByText('Saved', { exact: true }).waitFor();
  bench.child.kill('SIGKILL');
  await page.locator('.banner').getByText(/does not answer/).waitFor();
  const { port } = new URL(bench.url);
  const again = start(BINARY, ['workbench', '--port', port, '--no-open', '--project', bench.project, '--token-file', tokenFile]);
  t.after(() => end(again));
  await page.getByText('The program was started again: the timeline and what was not saved are lost.').waitFor();
  await page.locator('.banner').waitFor({ state: 'detached' });
  await page.locator('.bar .state').getByText('closed').waitFor();
  await row(page, 'before').waitFor({ state: 'detached' });
  (await dialTo(t, await begin(page))).write('after\n');
  await row(page, 'after').waitFor();
  page.wrongs = page.wrongs.filter((wrong) => !/ERR_CONNECTION|WebSocket/.test(wrong));
});

/** Goes to each screen, and gives its name. */
async function* screens(page) {
  const session = page.url().replace(/\/[^/]*$/, '');
  const go = (hash) => page.evaluate((to) => (location.hash = to), new URL(hash, 'http://x').hash);
  const dialog = (name) => page.getByRole('dialog', { name }).waitFor();
  await go(`${session}/timeline`);
  await row(page, 'hello').waitFor();
  yield 'timeline';
  await row(page, 'hello').click();
  await page.locator('.detail .byte').first().waitFor();
  yield 'detail';
  await page.keyboard.press('Escape');
  for (const [name, key] of [['options', 'e'], ['commands', 'y'], ['keys', '?'], ['palette', 'Control+k']]) {
    await page.keyboard.press(key);
    await page.locator('dialog[open]').waitFor();
    yield name;
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  }
  for (const name of ['wire', 'rules', 'lists']) {
    await go(`${session}/${name}`);
    await page.locator('#panel > *').first().waitFor();
    yield name;
  }
  for (const name of ['sessions', 'ports', 'nets', 'rooms', 'drones']) {
    await go(`#/${name}`);
    await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
    yield name;
  }
  await go(`${session}/timeline`);
}

for (const lang of ['en', 'zh']) {
  trial(`axe finds nothing, and nothing is wider than the page: ${lang}`, { timeout: 240_000 }, async ({ page, t }) => {
    const peer = await dialTo(t, await server(page));
    await page.getByText('1 peer').first().waitFor();
    peer.write('hello\n{"a":1}\nbad \xff\n');
    await row(page, 'hello').waitFor();
    await write(page, 'and back');
    await button(page, 'Send').click();
    await tab(page, 'Rules');
    await button(page, '＋ Add a rule').click();
    await tab(page, 'Send lists');
    await button(page, '＋ New list').click();
    await tab(page, 'Timeline');
    if (lang === 'zh') await button(page, '中文').click();
    const found = [];
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const size of SIZES) {
        await page.setViewportSize(size);
        for await (const screen of screens(page)) {
          const about = `${screen}, ${theme}, ${size.width} px`;
          found.push(...(await axe(page, about)));
          const { scrollWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth }));
          if (scrollWidth > size.width) found.push(`${about}: the page is ${scrollWidth} px wide`);
        }
      }
    }
    assert.deepEqual([...new Set(found)], []);
  });
}
