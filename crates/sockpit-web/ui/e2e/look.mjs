// What tests of several areas do with a page: ask the program, find words of the catalogue, and look
// whether a screen can be read by everybody.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'smol-toml';

const STRINGS = join(import.meta.dirname, '../../../sockpit-core/src/strings');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const catalogue = (file) => parse(readFileSync(join(STRINGS, file), 'utf8'));
const WORDS = { en: catalogue('page.en.toml'), zh: catalogue('page.zh-CN.toml') };

/** The sentences of a language by their keys, such as `wire.ladder`. */
export function wordsOf(lang) {
  return (key, places = {}) => {
    const [section, name] = key.split('.');
    const said = WORDS[lang][section][name];
    assert.equal(typeof said, 'string', key);
    return said.replace(/\{(\w+)\}/g, (_all, place) => String(places[place]));
  };
}

/** Calls the program over a link of its own, with the page's token: sets the stage of a test. */
export function ask(page, op, args = {}) {
  return page.evaluate(
    ([op, args]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`);
        socket.onopen = () => socket.send(JSON.stringify({ hello: { token: sessionStorage.getItem('token'), lang: 'en' } }));
        socket.onerror = () => reject(new Error(`${op}: no link`));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message.welcome && op === 'welcome') resolve(message.welcome);
          else if (message.welcome) socket.send(JSON.stringify({ id: 1, op, with: args }));
          else if (message.id !== 1) return;
          else if (message.error) reject(new Error(`${op}: ${message.error.message}`));
          else resolve(message.ok);
          if (message.id === 1 || op === 'welcome') socket.close();
        };
      }),
    [op, args],
  );
}

/** Makes a session and opens it; gives its key, its number, and where it listens. */
export async function opened(page, name, role, endpoint, options = {}) {
  const { key } = await ask(page, 'session.create', { name, role, endpoint, options });
  const { number, local } = await ask(page, 'session.open', { key });
  return { key, number, local: local[0], port: Number(/:(\d+)$/.exec(local[0] ?? '')?.[1]) };
}

/** Goes to a place of the page. */
export async function go(page, place) {
  await page.evaluate((place) => (location.hash = `#/${place}`), place);
}

/** Waits until `give` gives something true. */
export async function until(give, what, ms = 15_000) {
  const end = performance.now() + ms;
  for (;;) {
    const found = await give();
    if (found) return found;
    assert.ok(performance.now() < end, `waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const LOOKS = [
  { theme: 'light', width: 1280, height: 720 },
  { theme: 'dark', width: 1280, height: 720 },
  { theme: 'dark', width: 390, height: 844 },
  { theme: 'light', width: 390, height: 844 },
];

/** Keeps a picture, if SOCKPIT_PICTURES names a folder for them. */
export async function picture(page, name) {
  if (!process.env.SOCKPIT_PICTURES) return;
  mkdirSync(process.env.SOCKPIT_PICTURES, { recursive: true });
  await page.screenshot({ path: join(process.env.SOCKPIT_PICTURES, `${name}.png`) });
}

/**
 * Looks at a screen in both themes, at a desk's and at a phone's size: axe finds nothing, and nothing
 * is wider than the window.
 */
export async function lookAt(page, name) {
  const before = page.viewportSize();
  for (const { theme, width, height } of LOOKS) {
    const look = `${name}-${width}-${theme}`;
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height });
    // Two frames: what depends on the size is drawn anew.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await picture(page, look);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${look}: the page is ${wide} px wide`);
    await page.evaluate(AXE);
    const found = await page.evaluate(async () =>
      (await globalThis.axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`),
    );
    assert.deepEqual(found, [], look);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(before);
}
