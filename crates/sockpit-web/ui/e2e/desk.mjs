// What a person does at the workbench, and the peers that they talk to: for the tests.
import assert from 'node:assert/strict';
import { accessSync, readFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { stage, theBrowser, until } from './look.mjs';

const TEST_MS = 90_000;

/** A test at a workbench of its own; it fails by whatever the page complains of, too. */
export function trial(name, options, body = options) {
  const looks = options === body ? {} : options;
  test(name, { timeout: looks.timeout ?? TEST_MS }, async (t) => {
    const { bench, page } = await stage(t, looks);
    try {
      await body({ page, bench, t, chrome: await theBrowser() });
    } catch (error) {
      error.message += `\n${await page.locator('[role=alert], .notice').allInnerTexts().catch(() => '')}`;
      throw error;
    }
    assert.deepEqual(page.wrongs, []);
  });
}

/** Whether a program is there; where it is not, the test says so. */
export function has(t, program) {
  const isThere = (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program));
      return true;
    } catch {
      return false;
    }
  });
  if (!isThere) t.skip(`there is no ${program} here`);
  return isThere;
}

/** A peer that keeps what it gets. */
export async function dialTo(t, port, host = '127.0.0.1') {
  const socket = dial(typeof port === 'number' ? { port, host } : { path: port });
  t.after(() => socket.destroy());
  return hearing(await once(socket, 'connect'));
}

export function hearing(socket) {
  socket.heard = Buffer.alloc(0);
  socket.on('data', (bytes) => (socket.heard = Buffer.concat([socket.heard, bytes])));
  socket.on('error', () => {});
  socket.hears = (what) =>
    until(
      () => (typeof what === 'number' ? socket.heard.length >= what : socket.heard.includes(what)),
      () => `heard only ${JSON.stringify(socket.heard.subarray(0, 200).toString('latin1'))} of ${socket.heard.length} bytes`,
    );
  return socket;
}

export function once(emitter, event) {
  return new Promise((resolve, reject) => {
    emitter.once('error', reject);
    emitter.once(event, (first) => resolve(event === 'connect' || event === 'listening' ? emitter : first));
  });
}

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const tab = (page, name) => page.getByRole('tab', { name, exact: true }).click();
export const rows = (page) => page.getByRole('grid', { name: /^(Timeline|时间线)$/ }).locator('[data-i]');
export const row = (page, text) => rows(page).filter({ hasText: text });

/** Makes a session; the protocol is named as the page names it. */
export async function make(page, { protocol = 'TCP server', host, port, path, framing } = {}) {
  const before = page.url();
  await button(page, '+ New session').click();
  // The one before is shown until the new one is made.
  await page.waitForURL((url) => url.href !== before);
  await page.getByLabel('Protocol').waitFor();
  await page.getByLabel('Protocol').selectOption(protocol);
  if (host !== undefined) await set(page.getByLabel(/Listen on|Connect to/), host);
  if (port !== undefined) await set(page.getByLabel('port', { exact: true }), String(port));
  if (path !== undefined) await set(page.getByLabel('Path'), path);
  if (framing !== undefined) await set(page.getByLabel('Framing').first(), framing);
}

/** Fills a field whose value counts when it is left. */
export async function set(field, value) {
  await field.fill(value);
  await field.blur();
}

/** Opens the session and gives its port. */
export async function begin(page) {
  await button(page, 'Open').click();
  return where(page);
}

export async function where(page) {
  await page.locator('.bar .state .open').waitFor();
  const local = await page.locator('.bar .state').innerText();
  return Number(/:(\d+)\s/.exec(local)?.[1]);
}

/** A server of lines on a port of the system's choice, and its port. */
export async function server(page, more = {}) {
  await make(page, { port: 0, framing: 'lines', ...more });
  return begin(page);
}

/** Writes into the text field of the composer, and waits until the program has read it. */
export async function write(page, text, side = 'Text') {
  await page.getByLabel(side, { exact: true }).and(page.locator('textarea')).fill(text);
}

/** Everything that a person downloads by a click, as text or bytes. */
export async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
